using Culvert.Core;

namespace Culvert.Core.Tests.Collections;

public sealed class StripedSumsTests
{
    [Fact]
    public void Threads_with_and_without_stripes_lose_no_update()
    {
        const int threads = 6, updates = 200_000;
        StripedSums sums = new(2);
        Thread[] all = new Thread[threads];
        for (int i = 0; i < threads; i++)
        {
            bool isStriped = i % 3 != 0;
            all[i] = new Thread(() =>
            {
                using ThreadStripe? stripe = isStriped ? ThreadStripe.Claim() : null;
                for (int n = 0; n < updates; n++)
                {
                    sums.Add(0, 1);
                    sums.Add(1, 3);
                }
            });
        }

        foreach (Thread thread in all) thread.Start();
        long taken = 0;
        while (all.Any(t => t.IsAlive)) taken += sums.Take(0);
        foreach (Thread thread in all) thread.Join();
        Assert.Equal(threads * updates, taken + sums.Read(0));
        Assert.Equal(3 * threads * updates, sums.Read(1));
    }

    [Fact]
    public void A_stripe_is_claimed_again_after_its_thread()
    {
        StripedSums sums = new(1);
        for (int i = 1; i <= 3; i++)
        {
            Thread thread = new(() =>
            {
                using ThreadStripe stripe = ThreadStripe.Claim();
                sums.Add(0, 1);
            });
            thread.Start();
            thread.Join();
            Assert.Equal(i, sums.Read(0));
        }
    }

    [Fact]
    public void A_thread_has_one_stripe()
    {
        using (ThreadStripe.Claim()) Assert.Throws<InvalidOperationException>(ThreadStripe.Claim);
        ThreadStripe.Claim().Dispose();
    }
}

namespace Culvert.Core.Tests.Collections;

public sealed class WeightedSlotsTests
{
    [Theory]
    [InlineData(new ushort[] { 1, 1 }, new[] { 0, 1 })]
    [InlineData(new ushort[] { 90, 10 }, new[] { 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 })]
    [InlineData(new ushort[] { 0, 5 }, new[] { 1 })]
    [InlineData(new ushort[] { 0, 0 }, new int[0])]
    [InlineData(new ushort[0], new int[0])]
    public void SmallWeightsAreSpreadExactly(ushort[] weights, int[] expected) => Assert.Equal(expected, WeightedSlots.Spread(weights, 256));

    [Fact]
    public void LargeWeightsKeepTheirShareWithinOneSlot()
    {
        ushort[] weights = [65535, 1, 30000, 12345, 7];
        int[] slots = WeightedSlots.Spread(weights, 256);
        Assert.Equal(256, slots.Length);
        double total = weights.Sum(w => (double)w);
        for (int i = 0; i < weights.Length; i++)
        {
            int got = slots.Count(s => s == i);
            Assert.True(got >= 1, $"owner {i} has a weight but no slot");
            Assert.True(Math.Abs(got - (weights[i] * 256 / total)) <= 2, $"owner {i} has {got} slots");
        }
    }

    [Fact]
    public void MoreOwnersThanSlotsStillFillsEverySlot()
    {
        ushort[] weights = [.. Enumerable.Repeat((ushort)3, 400), (ushort)7];
        int[] slots = WeightedSlots.Spread(weights, 256);
        Assert.Equal(256, slots.Length);
        Assert.All(slots, s => Assert.InRange(s, 0, 400));
    }

    [Fact]
    public void RandomWeightsNeverGiveASlotToADrainedOwner()
    {
        Random random = new(7);
        for (int round = 0; round < 500; round++)
        {
            ushort[] weights = [.. Enumerable.Range(0, random.Next(1, 40)).Select(_ => (ushort)(random.Next(3) == 0 ? 0 : random.Next(1, 65536)))];
            int[] slots = WeightedSlots.Spread(weights, 256);
            Assert.Equal(weights.All(w => w == 0), slots.Length == 0);
            Assert.All(slots, s => Assert.True(weights[s] > 0));
            if (slots.Length > 0) Assert.All(Enumerable.Range(0, weights.Length).Where(i => weights[i] > 0), i => Assert.Contains(i, slots));
        }
    }

    [Theory]
    [InlineData(new ushort[] { 1, 1, 1 }, true)]
    [InlineData(new ushort[] { 80, 20 }, true)]
    [InlineData(new ushort[] { 255, 1 }, true)]
    [InlineData(new ushort[] { 256, 1 }, false)]
    [InlineData(new ushort[] { 999, 1 }, false)]
    [InlineData(new ushort[] { 0, 5 }, true)]
    [InlineData(new ushort[] { }, true)]
    public void SaysWhetherEveryShareIsExact(ushort[] weights, bool expected) => Assert.Equal(expected, WeightedSlots.IsExact(weights, 256));
}

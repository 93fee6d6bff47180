using System.Diagnostics;
using System.Text;
using Culvert.Tests.Shared;

namespace Culvert.Core.Tests.Expressions;

/// <summary>What expressions cost whoever matches them, whatever they and the texts are.</summary>
[Collection(AloneCollection.Name)]
public sealed class ExpressionCostTests
{
    public static TheoryData<string, string> Attacks => new()
    {
        { "/.*a.{20}b.*x", "/" + string.Concat(Enumerable.Range(0, 8000).Select(i => i * 7919 % 13 < 6 ? 'a' : 'b')) },
        { "/.*a.{20}b.*x", "/" + new string('a', 4095) },
        { "(a|aa|aaa)+b", new string('a', 4096) },
        { "((a*)*)*b", new string('a', 4096) },
        { string.Concat(Enumerable.Repeat("a*", 256)), new string('a', 4095) + "b" },
        { $"({string.Concat(Enumerable.Repeat("a?", 256))})*", new string('a', 4095) + "b" },
        { "(.*a){128}", new string('a', 4095) + "b" },
    };

    [Theory]
    [Trait("Category", "Attack")]
    [MemberData(nameof(Attacks))]
    public void Attack_a_request_takes_no_event_loop_for_seconds(string expression, string text)
    {
        RouteExpression[] all = [.. Enumerable.Range(0, 128).Select(_ => Parse(expression))];
        byte[] asked = Encoding.ASCII.GetBytes(text);
        long start = Stopwatch.GetTimestamp();
        Assert.DoesNotContain(all, e => e.IsMatch(asked));

        // A tenth of a second where all 128 are as large as can be; some seconds for the busiest of machines. What goes back never ends, and a cache of states takes seconds for each.
        Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }

    [Fact]
    public void A_thousand_expressions_are_small_also_once_they_have_matched()
    {
        string[] texts = [@"/.*a.{20}b.*x{0}", @"/api/v[0-9]+/(users|orders|carts)/{0}.*", @"(^|.*; )canary=true{0}(;.*|$)", @"/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}/{0}"];
        byte[] asked = Encoding.ASCII.GetBytes("/" + string.Concat(Enumerable.Range(0, 4000).Select(i => i * 7919 % 13 < 6 ? 'a' : 'b')));
        _ = Parse(texts[0]).IsMatch(asked);
        long before = GC.GetAllocatedBytesForCurrentThread(), kept = GC.GetTotalMemory(forceFullCollection: true);
        RouteExpression[] all = [.. Enumerable.Range(0, 1000).Select(i => Parse(texts[i % texts.Length].Replace("{0}", i.ToString(System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal)))];
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100L << 20); // garbage of reading them, too
        long matching = Allocations.Of(() =>
        {
            foreach (RouteExpression expression in all) _ = expression.IsMatch(asked);
        });
        Assert.Equal(0, matching);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - kept, 0, 16L << 20);
        GC.KeepAlive(all);
    }

    [Theory]
    [InlineData("/users/[^/]+/orders", "/users/7/orders")]
    [InlineData("(a|aa|aaa){20}b?", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public void Matching_allocates_nothing(string expression, string text)
    {
        RouteExpression one = Parse(expression);
        byte[] asked = Encoding.ASCII.GetBytes(text);
        bool matches = one.IsMatch(asked);
        long allocated = Allocations.Of(() =>
        {
            for (int i = 0; i < 1000; i++) matches &= one.IsMatch(asked);
        });
        Assert.Equal((true, 0), (matches, allocated));
    }

    [Fact]
    public void A_deep_nest_of_repetitions_is_read_in_a_moment()
    {
        // Each would be visited once for each way to it, were it kept as it is written.
        string nest = string.Concat(Enumerable.Repeat("(()^*", 60)) + "a{4}" + string.Concat(Enumerable.Repeat("$*)*", 60));
        RouteExpression one = Parse($"({nest}){{64}}");
        Assert.Equal(256, one.Positions);
        long before = GC.GetAllocatedBytesForCurrentThread();
        _ = Parse($"({nest}){{64}}");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 32L << 20);
    }

    private static RouteExpression Parse(string text) => RouteExpression.TryParse(text, out RouteExpression? expression, out string? reason) ? expression : throw new FormatException($"'{text}' {reason}");
}

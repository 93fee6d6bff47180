using System.Text;
using System.Text.Json;
using Culvert.Controller.Admission;

namespace Culvert.Controller.Tests.Admission;

/// <summary>What a review takes, told before it is read.</summary>
public sealed class ReviewCostTests
{
    [Fact]
    public void NothingIsMadeToTellIt()
    {
        byte[] review = Encoding.UTF8.GetBytes($"[{string.Join(',', Enumerable.Repeat("{\"a\":[1,\"b\"]}", 100_000))}]");
        ReviewCost.Of("{}"u8, 256);
        long before = GC.GetAllocatedBytesForCurrentThread();
        long cost = ReviewCost.Of(review, 256);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 * 1024);
        Assert.InRange(cost, 100_000 * (800 + (4 * 250)), 2 * 100_000 * (800 + (4 * 250)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[1,]")]
    [InlineData("[[[[1]]]]")]
    public void WhatIsNoJsonOrTooDeepHasNone(string text) => Assert.ThrowsAny<JsonException>(() => ReviewCost.Of(Encoding.UTF8.GetBytes(text), 3));
}

using Culvert.Hosting;

namespace Culvert.NodeAgent.Tests.Hosting;

public sealed class OwnedPartsTests
{
    private readonly List<string> _ended = [];

    [Fact]
    public async Task PartsEndInReverseOrderWhateverTheirKind()
    {
        OwnedParts parts = new();
        Part first = new(this, "first");
        Assert.Same(first, parts.Own(first));
        AsyncPart second = new(this, "second");
        Assert.Same(second, parts.OwnAsyncDisposable(second));
        parts.Defer(() =>
        {
            _ended.Add("third");
            return ValueTask.CompletedTask;
        });
        parts.OnRollback(() => _ended.Add("fourth"));
        Assert.Empty(_ended);

        await parts.DisposeAsync();
        Assert.Equal(["fourth", "third", "second", "first"], _ended);
        await parts.DisposeAsync();
        Assert.Equal(4, _ended.Count);
    }

    [Fact]
    public async Task OneEndThatFailsKeepsNoOtherFromEndingAndIsPassedOn()
    {
        OwnedParts parts = new();
        parts.Own(new Part(this, "first"));
        InvalidOperationException failure = new("second");
        parts.Defer(() => throw failure);
        parts.Own(new Part(this, "third"));

        Assert.Same(failure, await Assert.ThrowsAsync<InvalidOperationException>(async () => await parts.DisposeAsync()));
        Assert.Equal(["third", "first"], _ended);
    }

    [Fact]
    public async Task SeveralEndsThatFailArePassedOnTogether()
    {
        OwnedParts parts = new();
        InvalidOperationException early = new("early"), late = new("late");
        parts.Defer(() => throw early);
        parts.Own(new Part(this, "between"));
        parts.Defer(() => ValueTask.FromException(late));

        AggregateException all = await Assert.ThrowsAsync<AggregateException>(async () => await parts.DisposeAsync());
        Assert.Equal([late, early], all.InnerExceptions);
        Assert.Equal(["between"], _ended);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task WhatOutlivesTheProcessIsTakenBackUntilItIsCommitted(bool commit)
    {
        OwnedParts parts = new();
        parts.OnRollback(() => _ended.Add("undone"));
        if (commit) parts.Commit();
        parts.OnRollback(() => _ended.Add("undone later"));
        parts.Own(new Part(this, "part"));

        await parts.DisposeAsync();
        Assert.Equal(commit ? ["part"] : ["part", "undone later", "undone"], _ended);
    }

    [Fact]
    public async Task ACompositionThatSucceedsKeepsItsParts()
    {
        OwnedParts? owner = null;
        Part part = await OwnedParts.ComposeAsync(parts =>
        {
            owner = parts;
            return Task.FromResult(parts.Own(new Part(this, "part")));
        });

        Assert.Empty(_ended);
        await owner!.DisposeAsync();
        Assert.Equal([part.Name], _ended);
    }

    [Fact]
    public async Task ACompositionThatFailsEndsItsPartsBeforeItsFailureIsPassedOn()
    {
        InvalidOperationException failure = new("cannot be made");
        Exception seen = await Assert.ThrowsAsync<InvalidOperationException>(() => OwnedParts.ComposeAsync<Part>(parts =>
        {
            parts.Own(new Part(this, "part"));
            throw failure;
        }));

        Assert.Same(failure, seen);
        Assert.Equal(["part"], _ended);
    }

    [Fact]
    public async Task BothFailuresArePassedOnWhenAnEndFailsAfterTheComposition()
    {
        InvalidOperationException failure = new("cannot be made"), end = new("cannot end");
        AggregateException both = await Assert.ThrowsAsync<AggregateException>(() => OwnedParts.ComposeAsync<Part>(parts =>
        {
            parts.Own(new Part(this, "part"));
            parts.Defer(() => throw end);
            throw failure;
        }));

        Assert.Equal([failure, end], both.InnerExceptions);
        Assert.Equal(["part"], _ended);
    }

    private sealed class Part(OwnedPartsTests test, string name) : IDisposable
    {
        internal string Name => name;

        public void Dispose() => test._ended.Add(name);
    }

    private sealed class AsyncPart(OwnedPartsTests test, string name) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Task.Yield();
            test._ended.Add(name);
        }
    }
}

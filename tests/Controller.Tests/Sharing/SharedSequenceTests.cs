using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text;
using Culvert.Controller.Identity.Federation;
using Culvert.Controller.Sharing;
using Culvert.Controller.Tests.Identity.Federation;
using Culvert.Controller.Tests.Identity.Upstream;
using Culvert.Tests.Shared;
using k8s.Models;

namespace Culvert.Controller.Tests.Sharing;

/// <summary>The sequence of the mesh's own bundle, of several controllers.</summary>
public sealed class SharedSequenceTests : IDisposable
{
    private readonly CaFiles _first = CaFiles.Make(), _second = CaFiles.Make();
    private readonly ManualTime _time = new();
    private readonly ConcurrentQueue<string> _said = [];
    private ImmutableDictionary<string, byte[]> _secret = ImmutableDictionary<string, byte[]>.Empty;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private ulong Now => (ulong)_time.GetUtcNow().ToUnixTimeSeconds();

    public void Dispose()
    {
        _first.Dispose();
        _second.Dispose();
    }

    [Fact]
    public async Task ASetOfRootsHasTheSameNumberAtAllAndNoneIsToldBeforeItIsKept()
    {
        Teller one = await StartAsync(_first), other = await StartAsync(_first);
        Assert.True(one.Publication.Document.IsEmpty);

        // Both want one, and the second to write reads anew.
        V1Secret read = Secret();
        IReadOnlyCollection<KeyValuePair<string, byte[]?>> late = other.Sequence.Exchange(read);
        Assert.Equal(1, Exchange(one));
        Assert.Single(late);
        Assert.True(one.Publication.Document.IsEmpty);
        Assert.Equal((0, 0), (Exchange(one), Exchange(other)));
        ulong first = Now;
        Assert.Equal((first, 1), Told(one));
        Assert.Equal((first, 1), Told(other));

        // Roots change at one before the other knows: it goes on to tell those of before.
        one.Authority.Set(_first, _second);
        Assert.Equal((first, 1), Told(one));
        Assert.Equal(1, Exchange(one));
        Assert.Equal((0, 0), (Exchange(one), Exchange(other)));
        Assert.Equal((first + 1, 2), Told(one));
        Assert.Equal((first, 1), Told(other));
        other.Authority.Set(_second, _first);
        Assert.Equal((first + 1, 2), Told(other));
        Assert.Equal(0, Exchange(other));

        // One that takes a pod's place, also with other roots by then.
        Assert.Equal((first + 1, 2), Told(await StartAsync(_first, _second)));
        _time.Advance(TimeSpan.FromMinutes(1));
        Teller later = await StartAsync(_second);
        Assert.Equal(1, Exchange(later));
        Assert.Equal(0, Exchange(later));
        Assert.Equal((first + 60, 1), Told(later));
    }

    [Theory]
    [Trait("Category", "Attack")]
    [InlineData(null)]
    [InlineData("nonsense")]
    [InlineData("1 0000")]
    public async Task WhatIsLostOrMadeLowerIsWrittenAgain(string? now)
    {
        Teller one = await StartAsync(_first);
        Exchange(one);
        Exchange(one);
        _secret = now is null ? _secret.Remove(SharedSequence.Key) : _secret.SetItem(SharedSequence.Key, Encoding.ASCII.GetBytes(now));
        Assert.Equal(1, Exchange(one));
        Assert.Equal(0, Exchange(one));
        Assert.Equal((Now, 1), Told(one));
        Assert.Equal((Now, 1), Told(await StartAsync(_first)));
        Assert.Equal(now == "nonsense" ? 1 : 0, _said.Count(l => l.Contains("by the clock it still rises", StringComparison.Ordinal)));
    }

    [Fact]
    public void WhoTellsNobodyWritesNothing()
    {
        SharedSequence sequence = new(_time, new LineLogger(_said));
        Assert.Empty(sequence.Exchange(Secret()));
    }

    private static (ulong? Sequence, int Roots) Told(Teller teller)
    {
        BundleDocument told = BundleDocument.Read(teller.Publication.Document);
        return (told.Sequence, told.Roots.Length);
    }

    private async Task<Teller> StartAsync(params CaFiles[] roots)
    {
        LineLogger logger = new(_said);
        ChangingRoots authority = new();
        authority.Set(roots);
        SharedSequence sequence = new(_time, logger);
        sequence.Take(Secret());
        BundlePublication publication = new(authority, sequence, TimeSpan.FromSeconds(100), logger);
        await publication.StartAsync(Cancellation);
        return new(authority, sequence, publication);
    }

    private V1Secret Secret() => new() { Data = _secret };

    /// <summary>As <see cref="StateExchange"/> does, and how many keys were written.</summary>
    private int Exchange(Teller teller)
    {
        IReadOnlyCollection<KeyValuePair<string, byte[]?>> news = teller.Sequence.Exchange(Secret());
        foreach ((string key, byte[]? value) in news) _secret = value is null ? _secret.Remove(key) : _secret.SetItem(key, value);
        return news.Count;
    }

    private sealed record Teller(ChangingRoots Authority, SharedSequence Sequence, BundlePublication Publication);
}

using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Security.Cryptography.X509Certificates;
using Culvert.Controller.Identity.Federation;
using Culvert.Controller.Sharing;
using Culvert.Controller.Tests.Identity.Upstream;
using Culvert.Core;
using Culvert.Protocol;
using Culvert.Tests.Shared;
using k8s.Models;

namespace Culvert.Controller.Tests.Sharing;

/// <summary>Bundles of other trust domains that several controllers keep in one Secret.</summary>
public sealed class SharedBundlesTests : IDisposable
{
    private const string Partner = "partner.example";
    private readonly CaFiles _root = CaFiles.Make(), _next = CaFiles.Make();
    private readonly ConcurrentQueue<string> _said = [];
    private readonly ManualTime _time = new();
    private ImmutableDictionary<string, byte[]> _secret = ImmutableDictionary<string, byte[]>.Empty.Add("root-1.key.pem", [1]);

    public void Dispose()
    {
        _root.Dispose();
        _next.Dispose();
    }

    [Fact]
    public void WhatOneKeepsAnotherStartsWithAndItIsWrittenOnce()
    {
        SharedBundles one = Open();
        int signals = 0;
        one.Changed += () => signals++;
        one.Save(Partner, Kept(5, _root));
        Assert.Equal(5ul, one.Load(Partner)!.Floor);
        Assert.Equal(1, signals);
        Assert.Equal(1, Exchange(one));
        Assert.Equal(0, Exchange(one));
        KeptBundle read = Open().Load(Partner)!;
        Assert.Equal(_root.Certificate.RawData, Assert.Single(read.Document.Roots).ToArray());
        Assert.Null(Open().Load("third.example"));
        one.Forget(Partner);
        Assert.Null(one.Load(Partner));
        Exchange(one);
        Assert.Equal("root-1.key.pem", Assert.Single(_secret).Key);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void TheHigherSequenceHoldsWhoeverWritesLast()
    {
        SharedBundles ahead = Open(), behind = Open();
        behind.Save(Partner, Kept(5, _root));
        ahead.Save(Partner, Kept(6, _next));
        Exchange(ahead);
        Assert.Equal(0, Exchange(behind));
        Assert.Equal(6ul, behind.FindAtOtherController(Partner)!.Floor);
        Assert.True(Kept(5, _root).IsOlderThan(behind.FindAtOtherController(Partner)!));
        Assert.Equal(6ul, behind.Load(Partner)!.Floor);

        // Its next one has to be higher, too.
        behind.Save(Partner, Kept(7, _root));
        Assert.Equal(1, Exchange(behind));
        Assert.Equal(7ul, Open().Load(Partner)!.Floor);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void WithoutSequencesTheLaterHoldsAndWhatIsToldIsLaterThanAllThatIsKnownWhateverTheClocksSay()
    {
        KeptBundle early = Kept(null, _root), late = early with { At = early.At.AddSeconds(1) }, counted = early with { Floor = 0, At = early.At.AddSeconds(-1) };
        Assert.True(early.IsOlderThan(late));
        Assert.False(late.IsOlderThan(early));
        Assert.False(early.IsOlderThan(early));
        Assert.True(late.IsOlderThan(counted));
        Assert.False(early.IsOlderThan(late with { FileDigest = "another" }));

        // Another controller's clock is ahead, this one's behind, or the other's is broken.
        DateTimeOffset now = late.At.AddHours(-1);
        KeptBundle told = early with { At = KeptBundle.MomentAfter(now, null, late) };
        Assert.True(late.IsOlderThan(told));
        Assert.True(told.IsOlderThan(early with { At = KeptBundle.MomentAfter(now, told, late) }));
        Assert.Equal(now, KeptBundle.MomentAfter(now, null, early with { At = now.AddTicks(-1) }));
        Assert.Equal(now, KeptBundle.MomentAfter(now, null, null));
        Assert.Equal(DateTimeOffset.MaxValue, KeptBundle.MomentAfter(now, late with { At = DateTimeOffset.MaxValue }));
    }

    [Fact]
    public void WhatIsDamagedIsSaidAndWrittenAnew()
    {
        _secret = _secret.Add("federated-" + Partner, "{}"u8.ToArray());
        SharedBundles opened = Open();
        Assert.Contains("'federated-partner.example' of the Secret is damaged", Assert.Throws<InvalidDataException>(() => opened.Load(Partner)).Message, StringComparison.Ordinal);
        Assert.Null(opened.FindAtOtherController(Partner));
        opened.Save(Partner, Kept(1, _root));
        Assert.Equal(1, Exchange(opened));
        Assert.Equal(1ul, Open().Load(Partner)!.Floor);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void WhatAControllerDoesNotNameStaysForAWhileAndWhoeverNamesItKeepsIt()
    {
        SharedBundles opened = Open();
        KeptBundle known = Kept(5, _root), third = Kept(1, _root);
        opened.Save(Partner, known);
        opened.Save("third.example", third);
        Assert.Equal((2, 0), (Exchange(opened), Exchange(opened)));

        // One that starts with an older file, or without one: roots and sequences stay, and there is a mark, once.
        SharedBundles other = Open();
        other.ForgetAllBut([]);
        Assert.Equal(2, Exchange(other));
        Assert.Equal(0, Exchange(other));
        KeptBundle marked = Open().Load(Partner)!;
        Assert.Equal((5ul, _time.GetUtcNow(), 1), (marked.Floor, marked.NotNamedSince, marked.Document.Roots.Length));

        // One that goes on to name it takes the mark away.
        Exchange(opened);
        opened.Uphold(Partner, known);
        Assert.Equal(1, Exchange(opened));
        Assert.Equal(0, Exchange(opened));
        Assert.Null(Open().Load(Partner)!.NotNamedSince);
        int signals = 0;
        opened.Changed += () => signals++;
        opened.Uphold(Partner, known);
        Assert.Equal((0, 0), (signals, Exchange(opened)));

        // What nobody names any more goes at a start after that.
        _time.Advance(SharedBundles.Grace);
        SharedBundles early = Open();
        early.ForgetAllBut([Partner]);
        Assert.Equal(0, Exchange(early));
        _time.Advance(TimeSpan.FromSeconds(1));
        SharedBundles later = Open();
        later.ForgetAllBut([Partner]);
        Assert.Equal(1, Exchange(later));
        Assert.Equal(["federated-partner.example", "root-1.key.pem"], _secret.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void WhatNobodyNamesMakesRoomForWhatSomebodyDoes()
    {
        // Each as large as one may be.
        CaFiles[] roots = [.. Enumerable.Range(0, 30).Select(_ => CaFiles.Make())];
        KeptBundle large = new(new() { Roots = [.. roots.Select(r => (ReadOnlyMemory<byte>)r.Certificate.RawData)], Sequence = 1 }, null, 1, DateTimeOffset.UnixEpoch);
        for (int set = 0; set < 2; set++)
        {
            _time.Advance(TimeSpan.FromDays(1));
            SharedBundles opened = Open();
            string[] named = [.. Enumerable.Range(0, TrustBundle.MostFederated).Select(i => $"d{i}.set{set}.example")];
            opened.ForgetAllBut(named);
            foreach (string domain in named) opened.Save(domain, large);
            while (Exchange(opened) > 0)
            {
            }
            Assert.All(named, d => Assert.NotNull(Open().Load(d)));
        }
        int all = _secret.Where(d => d.Key.StartsWith("federated-", StringComparison.Ordinal)).Sum(d => d.Value.Length);
        Assert.InRange(all, SharedBundles.MostBytes / 2, SharedBundles.MostBytes);
        foreach (CaFiles root in roots) root.Dispose();
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void WhatAnotherControllerHasTakenAwayOrMadeOlderIsWrittenAgain()
    {
        SharedBundles opened = Open();
        KeptBundle known = Kept(5, _root);
        opened.Save(Partner, known);
        Assert.Equal((1, 0), (Exchange(opened), Exchange(opened)));
        foreach (byte[]? now in new[] { null, Kept(4, _next).Write(), "{}"u8.ToArray() })
        {
            _secret = now is null ? _secret.Remove("federated-" + Partner) : _secret.SetItem("federated-" + Partner, now);
            Exchange(opened);
            opened.Uphold(Partner, known);
            Assert.Equal(1, Exchange(opened));
            Assert.Equal(0, Exchange(opened));
            Assert.Equal(5ul, Open().Load(Partner)!.Floor);
        }

        // A newer one, and one of a file that is not here, are others' to say.
        foreach (KeptBundle now in new[] { Kept(6, _next), Kept(1, _next) with { FileDigest = "another" } })
        {
            _secret = _secret.SetItem("federated-" + Partner, now.Write());
            Exchange(opened);
            opened.Uphold(Partner, known);
            Assert.Equal(0, Exchange(opened));
        }
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void EachTrustDomainHasRoomOfItsOwnInTheSecretAndAWithdrawalAlwaysFits()
    {
        // As many roots as a bundle may have, of 2 KiB each.
        CaFiles[] files = [.. Enumerable.Range(0, BundleDocument.MostRoots).Select(_ => CaFiles.Make(shape: new() { Others = [new X509Extension("1.2.3.4", new byte[1500], critical: false)] }))];
        ImmutableArray<ReadOnlyMemory<byte>> roots = [.. files.Select(f => (ReadOnlyMemory<byte>)f.Certificate.RawData)];
        Assert.True(roots.Sum(r => r.Length) <= BundleDocument.MostRootBytes);
        SharedBundles opened = Open();
        KeptBundle little = Kept(1, _root) with { Document = new() { Roots = [_root.Certificate.RawData, _next.Certificate.RawData], Sequence = 1 } };
        opened.Save(Partner, little);
        Exchange(opened);
        for (int i = 1; i < TrustBundle.MostFederated; i++) opened.Save($"d{i}.example", new(new() { Roots = roots, Sequence = 1 }, new string('F', 64), ulong.MaxValue, DateTimeOffset.MaxValue));
        Assert.Equal(TrustBundle.MostFederated - 1, Exchange(opened));
        Assert.Equal(0, Exchange(opened));
        Assert.All(_secret.Values, v => Assert.InRange(v.Length, 1, SharedBundles.MostBytesEach));
        Assert.InRange(_secret.Values.Sum(v => v.Length), SharedBundles.MostBytes / 2, SharedBundles.MostBytes);
        Assert.Equal(TrustBundle.MostFederated - 1, _said.Count(l => l.Contains($"of {roots.Length} roots", StringComparison.Ordinal)));

        // One withdraws a root, and has so many others instead that they do not fit.
        opened.Save(Partner, little with { Document = new() { Roots = [.. roots.Take(BundleDocument.MostRoots - 1), _next.Certificate.RawData], Sequence = 2 }, Floor = 2 });
        Assert.Equal(1, Exchange(opened));
        Assert.Equal(0, Exchange(opened));
        KeptBundle kept = Open().Load(Partner)!;
        Assert.Equal((2ul, BundleDocument.MostRoots), (kept.Floor, kept.Document.Roots.Length + kept.Missing.Length));
        Assert.Contains(kept.Document.Roots, r => r.Span.SequenceEqual(_next.Certificate.RawData));
        Assert.DoesNotContain(kept.Document.Roots, r => r.Span.SequenceEqual(_root.Certificate.RawData));
        Assert.DoesNotContain(kept.Missing, m => m == CertificateFingerprint.Of(_root.Certificate.RawData));
        Assert.InRange(_secret.Values.Sum(v => v.Length), SharedBundles.MostBytes / 2, SharedBundles.MostBytes);
        foreach (CaFiles one in files) one.Dispose();
    }

    [Fact]
    public void ATrustDomainMayBeLongerThanAKey()
    {
        string[] names = [new string('a', 255), new string('a', 254), "..", "a_b-c.d"];
        SharedBundles opened = Open();
        foreach (string name in names) opened.Save(name, Kept(1, _root));
        Exchange(opened);
        Assert.Equal(names.Length + 1, _secret.Count);
        Assert.All(_secret.Keys, k => Assert.Matches("^[-._a-zA-Z0-9]{1,253}$", k));
        Assert.All(names, n => Assert.NotNull(Open().Load(n)));
    }

    private static KeptBundle Kept(ulong? sequence, CaFiles root) => new(new() { Roots = [root.Certificate.RawData], Sequence = sequence }, null, sequence, DateTimeOffset.UnixEpoch);

    private SharedBundles Open()
    {
        SharedBundles opened = new(_time, new LineLogger(_said));
        opened.Take(Secret());
        return opened;
    }

    private V1Secret Secret() => new() { Data = _secret };

    /// <summary>As <see cref="StateExchange"/> does, and how many keys were written.</summary>
    private int Exchange(SharedBundles bundles)
    {
        IReadOnlyCollection<KeyValuePair<string, byte[]?>> news = bundles.Exchange(Secret());
        foreach ((string key, byte[]? value) in news) _secret = value is null ? _secret.Remove(key) : _secret.SetItem(key, value);
        return news.Count;
    }
}

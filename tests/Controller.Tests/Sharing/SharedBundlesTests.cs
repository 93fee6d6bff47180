using System.Collections.Concurrent;
using System.Collections.Immutable;
using Culvert.Controller.Identity.Federation;
using Culvert.Controller.Sharing;
using Culvert.Controller.Tests.Identity.Upstream;
using Culvert.Kubernetes.Resources;
using Culvert.Tests.Shared;

namespace Culvert.Controller.Tests.Sharing;

/// <summary>Bundles of other trust domains that several controllers keep in one Secret.</summary>
public sealed class SharedBundlesTests : IDisposable
{
    private const string Partner = "partner.example";
    private readonly CaFiles _root = CaFiles.Make(), _next = CaFiles.Make();
    private readonly ConcurrentQueue<string> _said = [];
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
        Assert.Equal(6ul, behind.FindOthers(Partner)!.Floor);
        Assert.True(Kept(5, _root).IsOlderThan(behind.FindOthers(Partner)!));
        Assert.Equal(6ul, behind.Load(Partner)!.Floor);

        // Its next one has to be higher, too.
        behind.Save(Partner, Kept(7, _root));
        Assert.Equal(1, Exchange(behind));
        Assert.Equal(7ul, Open().Load(Partner)!.Floor);
    }

    [Fact]
    public void WithoutSequencesTheLaterHoldsAndOneOfAnotherFileIsNeverOlder()
    {
        KeptBundle early = Kept(null, _root), late = early with { At = early.At.AddSeconds(1) }, counted = early with { Floor = 0, At = early.At.AddSeconds(-1) };
        Assert.True(early.IsOlderThan(late));
        Assert.False(late.IsOlderThan(early));
        Assert.False(early.IsOlderThan(early));
        Assert.True(late.IsOlderThan(counted));
        Assert.False(early.IsOlderThan(late with { FileDigest = "another" }));
    }

    [Fact]
    public void WhatIsDamagedIsSaidAndWrittenAnew()
    {
        _secret = _secret.Add("federated-" + Partner, "{}"u8.ToArray());
        SharedBundles opened = Open();
        Assert.Contains("'federated-partner.example' of the Secret is damaged", Assert.Throws<InvalidDataException>(() => opened.Load(Partner)).Message, StringComparison.Ordinal);
        Assert.Null(opened.FindOthers(Partner));
        opened.Save(Partner, Kept(1, _root));
        Assert.Equal(1, Exchange(opened));
        Assert.Equal(1ul, Open().Load(Partner)!.Floor);
    }

    [Fact]
    public void WhatIsNamedNoMoreGoesAndNothingElse()
    {
        SharedBundles opened = Open();
        opened.Save(Partner, Kept(1, _root));
        opened.Save("third.example", Kept(1, _root));
        Exchange(opened);
        SharedBundles later = Open();
        later.ForgetOthers([Partner]);
        Assert.Equal(1, Exchange(later));
        Assert.Equal(["federated-partner.example", "root-1.key.pem"], _secret.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void OthersBundlesLeaveRoomInTheSecretForWhatTheMeshNeeds()
    {
        // As many keys for tokens as a bundle may have; roots are bounded before.
        ImmutableArray<string> keys = [.. Enumerable.Range(0, 1000).Select(i => $$"""{"use":"jwt-svid","kty":"EC","kid":"{{i}}","x":"{{new string('x', 200)}}"}""")];
        SharedBundles opened = Open();
        for (int i = 0; i < 4; i++) opened.Save($"d{i}.example", Kept(1, _root) with { Document = new() { Roots = [_root.Certificate.RawData], JwtKeys = keys } });
        Exchange(opened);
        Assert.InRange(_secret.Values.Sum(v => v.Length), 256 * 1024, 512 * 1024);
        Assert.Contains("is not kept in the Secret", _said.First(), StringComparison.Ordinal);

        // Small ones still are.
        opened.Save(Partner, Kept(1, _root));
        Assert.Equal(1, Exchange(opened));
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
        SharedBundles opened = new(new LineLogger(_said));
        opened.Take(Secret());
        return opened;
    }

    private Secret Secret() => new() { Data = _secret };

    /// <summary>As <see cref="StateExchange"/> does, and how many keys were written.</summary>
    private int Exchange(SharedBundles bundles)
    {
        IReadOnlyCollection<KeyValuePair<string, byte[]?>> news = bundles.Exchange(Secret());
        foreach ((string key, byte[]? value) in news) _secret = value is null ? _secret.Remove(key) : _secret.SetItem(key, value);
        return news.Count;
    }
}

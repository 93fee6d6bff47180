using System.Runtime.InteropServices;
using Culvert.Core;
using Culvert.NodeAgent.Identity;
using Culvert.NodeAgent.Tests.Proxy;
using Culvert.NodeAgent.WorkloadApi;
using Culvert.Protocol.WorkloadApi;
using Culvert.Tests.Shared;

namespace Culvert.NodeAgent.Tests.WorkloadApi;

/// <summary>Bundles are in memory once, however many streams tell of them.</summary>
public sealed class EncodedBundlesTests
{
    private static readonly ReadOnlyMemory<byte> First = new byte[] { 1, 2 }, Second = new byte[] { 3 };

    private readonly EncodedBundles _bundles = new();

    [Fact]
    public void WhatSaysTheSameIsEncodedOnce()
    {
        EncodedRoots roots = _bundles.RootsOf(new TrustBundle("one.example", [First]), [new TrustBundle("two.example", [Second])]);
        Assert.Same(roots, _bundles.RootsOf(new TrustBundle("one.example", [First.ToArray()]), [new TrustBundle("two.example", [Second.ToArray()]), new TrustBundle("gone.example", [])]));
        EncodedRoots other = _bundles.RootsOf(new TrustBundle("one.example", [First, Second]), [new TrustBundle("two.example", [Second])]);
        Assert.NotSame(roots, other);
        Assert.NotSame(other, _bundles.RootsOf(new TrustBundle("one.example", [First, Second]), [new TrustBundle("two.example", [First])]));
        X509BundlesResponse all = X509BundlesResponse.Parser.ParseFrom(roots.All.ToArray());
        Assert.Equal(["spiffe://one.example 0102", "spiffe://two.example 03"], all.Bundles.Select(b => $"{b.Key} {Convert.ToHexString(b.Value.Span)}").Order(StringComparer.Ordinal));

        EncodedKeys keys = _bundles.KeysOf(new TrustBundle("one.example", [First]));
        Assert.Same(keys, _bundles.KeysOf(new TrustBundle("one.example", [Second])));
        Assert.NotSame(keys, _bundles.KeysOf(new TrustBundle("two.example", [Second])));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void MessagesOfManyStreamsShareTheRootsOfOtherTrustDomains()
    {
        using TestAuthority authority = new();
        TrustBundle bundle = new("cluster.local", [authority.Root]);
        EquatableArray<TrustBundle> federated = [new TrustBundle("two.example", [new byte[100_000]])];
        EncodedMessage[] messages = [.. new[] { ServedWorkloads.WebId, ServedWorkloads.DbId }.Select(id => new X509State(Issue(id), _bundles.RootsOf(bundle, federated)).ToSvids())];
        Assert.All(messages, message => Assert.True(message.Pieces[0].Length < 10_000));
        Assert.Same(ArrayOf(messages[0].Pieces[1]), ArrayOf(messages[1].Pieces[1]));

        // And what a client reads is one message.
        byte[] sent = [.. messages[1].Pieces.SelectMany(piece => piece.ToArray())];
        X509SVIDResponse read = X509SVIDResponse.Parser.ParseFrom(sent);
        Assert.Equal(ServedWorkloads.DbId.ToString(), Assert.Single(read.Svids).SpiffeId);
        Assert.Equal(authority.Root.ToArray(), read.Svids[0].Bundle.ToByteArray());
        Assert.Equal(100_000, read.FederatedBundles["spiffe://two.example"].Length);

        Svid Issue(SpiffeId id)
        {
            DateTimeOffset end = DateTimeOffset.UtcNow.AddHours(1);
            TestLeaf leaf = authority.Issue(end, id.ToString());
            return new Svid(id, 1, [leaf.Certificate], new PrivateKeyBytes(leaf.Key), end.AddDays(-10), end, end.AddHours(-1));
        }
    }

    private static byte[] ArrayOf(ReadOnlyMemory<byte> memory) => MemoryMarshal.TryGetArray(memory, out ArraySegment<byte> segment) ? segment.Array! : throw new InvalidOperationException("no array");
}

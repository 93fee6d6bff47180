using System.Collections.Concurrent;
using Culvert.Core;
using Culvert.Interop.Tls;
using Culvert.NodeAgent.Identity;
using Culvert.NodeAgent.Tests.Proxy;
using Culvert.Tests.Shared;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.Identity;

/// <summary>Bundles of other trust domains as snapshots bring and take them.</summary>
public sealed class FederatedBundlesTests : IAsyncDisposable
{
    private static readonly IReadOnlySet<SpiffeId> Nobody = new HashSet<SpiffeId>();
    private readonly TestAuthority _own = new("own"), _partner = new("partner");
    private readonly SvidStore _svids = new(new TestIssuer(TimeSpan.FromHours(1)), null, TimeProvider.System, NullLogger.Instance);

    public async ValueTask DisposeAsync()
    {
        await _svids.DisposeAsync();
        _own.Dispose();
        _partner.Dispose();
    }

    [Fact]
    public void TheyComeAndGoWithSnapshots()
    {
        TlsIdentityTable table = new(_svids, TimeProvider.System, NullLogger.Instance);
        TunnelTrust trust = new(table, null, NullLogger.Instance);
        TrustBundle own = new("cluster.local", [_own.Root]);
        int changes = 0;
        trust.Use(own, Nobody);
        table.Changed += () => changes++;
        trust.Use(own, Nobody, [new TrustBundle("partner.example", [_partner.Root])]);
        trust.Use(own, Nobody, [new TrustBundle("partner.example", [_partner.Root])]);
        Assert.Equal(1, changes);
        Assert.True(table.TrustsForeign("partner.example", TlsAnchor.Of(_partner.Root.Span)));
        Assert.False(table.TrustsForeign("partner.example", TlsAnchor.Of(_own.Root.Span)));
        Assert.False(table.TrustsForeign("other.example", TlsAnchor.Of(_partner.Root.Span)));
        trust.Use(own, Nobody);
        Assert.Equal(2, changes);
        Assert.False(table.TrustsForeign("partner.example", TlsAnchor.Of(_partner.Root.Span)));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void WhatASnapshotTakesAwayIsGoneBeforeTheRestIsInForceAndWhatItBringsIsNot()
    {
        using TestAuthority next = new("next"), third = new("third");
        TlsIdentityTable table = new(_svids, TimeProvider.System, NullLogger.Instance);
        TunnelTrust trust = new(table, null, NullLogger.Instance);
        trust.Use(new TrustBundle("cluster.local", [_own.Root]), Nobody, [new("partner.example", [_partner.Root, next.Root]), new("third.example", [third.Root])]);
        trust.Withdraw([new("new.example", [third.Root]), new("partner.example", [next.Root, third.Root])]);
        Assert.Equal([new TrustBundle("partner.example", [next.Root])], trust.Federated);
        Assert.False(table.TrustsForeign("partner.example", TlsAnchor.Of(_partner.Root.Span)));
        Assert.True(table.TrustsForeign("partner.example", TlsAnchor.Of(next.Root.Span)));
        Assert.False(table.TrustsForeign("third.example", TlsAnchor.Of(third.Root.Span)));
        Assert.False(table.TrustsForeign("new.example", TlsAnchor.Of(third.Root.Span)));
        trust.Withdraw([]);
        Assert.Empty(trust.Federated);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void OneDomainsRootThatCanNotBeReadIsThatDomainsMatterAndSaidOnce()
    {
        ConcurrentQueue<string> said = [];
        using LineLogger logger = new(said);
        using TestAuthority third = new("third");
        TlsIdentityTable table = new(_svids, TimeProvider.System, logger);
        TunnelTrust trust = new(table, null, logger);
        TrustBundle own = new("cluster.local", [_own.Root]), broken = new("partner.example", [_partner.Root, new byte[] { 1, 2, 3 }]);
        trust.Use(own, Nobody, [new("partner.example", [_partner.Root]), new("third.example", [third.Root])]);
        trust.Use(own, Nobody, [broken]);
        trust.Use(own, Nobody, [broken, new("third.example", [third.Root])]);
        Assert.Equal([new("partner.example", []), new TrustBundle("third.example", [third.Root])], trust.Federated);
        Assert.False(table.TrustsForeign("partner.example", TlsAnchor.Of(_partner.Root.Span)));
        Assert.True(table.TrustsForeign("third.example", TlsAnchor.Of(third.Root.Span)));
        Assert.Contains("nobody of that trust domain is believed", Assert.Single(said), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void NoneIsOfTheMeshsOwnTrustDomain()
    {
        TlsIdentityTable table = new(_svids, TimeProvider.System, NullLogger.Instance);
        new TunnelTrust(table, null, NullLogger.Instance).Use(new TrustBundle("cluster.local", [_own.Root]), Nobody, [new TrustBundle("cluster.local", [_partner.Root])]);
        Assert.False(table.TrustsForeign("cluster.local", TlsAnchor.Of(_partner.Root.Span)));
    }
}

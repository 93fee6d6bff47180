using System.Net.Sockets;
using Culvert.Core;
using Culvert.Interop.Tls;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Hosting;
using Culvert.NodeAgent.Identity;
using Culvert.NodeAgent.Mesh;
using Culvert.NodeAgent.Options;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Tests.Identity;
using Culvert.NodeAgent.Tests.Proxy;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.Hosting;

/// <summary>What of a snapshot is in force also where the kernel takes none of it.</summary>
[Trait("Category", "Attack")]
public sealed class SnapshotTargetTests : IAsyncDisposable
{
    private const string Peer = "spiffe://partner.example/ns/a/sa/alice";
    private const string NoRoom = "there is no room in the kernel";
    private static readonly SpiffeId Alice = SpiffeId.Parse(ProxyPair.Alice), Bob = SpiffeId.Parse(ProxyPair.Bob);

    private readonly ProxyPair _pair = new(o => o with { DistrustDrain = TimeSpan.Zero });
    private readonly TestAuthority _partner = new("partner");
    private readonly SvidStore _svids = new(new TestIssuer(TimeSpan.FromHours(1)), null, TimeProvider.System, NullLogger.Instance);
    private readonly TlsIdentityTable _tls;
    private readonly TunnelTrust _trust;
    private readonly SnapshotTarget _target;

    public SnapshotTargetTests()
    {
        _tls = new(_svids, TimeProvider.System, NullLogger.Instance);
        _trust = new(_tls, null, NullLogger.Instance);
        _tls.Changed += _pair.DestinationProxy.CertificatesChanged;
        _pair.Destination.Foreign = _tls.Foreign;
        TestLeaf bob = _pair.Authority.Issue(ProxyPair.Bob), stranger = _partner.Issue(Peer);
        TlsContext server = TlsContext.Create(new TlsContextOptions { IsServer = true, Certificate = bob.Certificate, PrivateKey = bob.Key, TrustBundle = [_pair.Authority.Root], ForeignRoots = _tls.Foreign });
        _pair.Destination.Identities[Bob] = new TlsIdentity(Bob, _pair.Authority.Context(false, bob), server);

        // The source is of the mesh, by its own book: what it shows is another's.
        _pair.Source.Identities[Alice] = new TlsIdentity(Alice, _pair.Authority.Context(false, stranger), _pair.Authority.Context(true, stranger));

        // It fails at the first look; nothing of it is touched before that.
        DatapathState state = new();
        DatapathReconciler full = new(null!, XdpUse.Off, null!, () => throw new IOException(NoRoom), null!, null!, [], state, NullLogger.Instance);
        MeshDirectory directory = new(new MeshView(new NodeSnapshot { Node = "test" }, 15008));
        _target = new(15008, full, state, null!, directory, _svids, null!, _tls, _trust, _pair.DestinationProxy, null!, () => { }, (_, _) => { }, _ => false);
    }

    private TrustBundle Own => new("cluster.local", [_pair.Authority.Root]);

    private TrustBundle Partner => new("partner.example", [_partner.Root]);

    public async ValueTask DisposeAsync()
    {
        await _pair.DisposeAsync();
        await _svids.DisposeAsync();
        _partner.Dispose();
    }

    [Fact]
    public async Task TunnelsOfATrustDomainEndWithItsBundleWhereTheKernelTakesNothing()
    {
        _trust.Use(Own, new HashSet<SpiffeId>(), [Partner]);
        using Socket listener = _pair.ListenByTunnel();
        (Socket client, Socket server) = await _pair.BeginAsync(listener);
        Assert.Equal(SpiffeId.Parse(Peer), Assert.Single(_pair.Destination.Opened).SourceIdentity);

        // The same bundle once more ends nothing, whatever becomes of the rest.
        Assert.Equal(NoRoom, Assert.Throws<IOException>(() => Apply(Partner)).Message);
        await client.SendAllAsync("live"u8.ToArray());
        await server.ReceiveExactlyAsync(4);

        Assert.Equal(NoRoom, Assert.Throws<IOException>(() => Apply()).Message);
        await client.AssertResetAsync();
        await server.AssertResetAsync();
        client.Dispose();
        server.Dispose();
        await _pair.ExpectResetAsync();
        Assert.Single(_pair.Destination.Opened);
    }

    [Fact]
    public void WhatASnapshotBringsIsNotInForceBeforeTheRestIs()
    {
        _trust.Use(Own, new HashSet<SpiffeId>());
        Assert.Equal(NoRoom, Assert.Throws<IOException>(() => Apply(Partner)).Message);
        Assert.Empty(_trust.Federated);
    }

    [Fact]
    public void OneTrustDomainsBundleKeepsNothingOfASnapshotFromBeingTried() =>
        Assert.Equal(NoRoom, Assert.Throws<IOException>(() => Apply(new TrustBundle("partner.example", [new byte[] { 1, 2, 3 }]))).Message);

    private void Apply(params TrustBundle[] federated) => _target.Apply(new NodeSnapshot { Node = "test", Version = 2, TrustBundle = Own, FederatedBundles = [.. federated] });
}

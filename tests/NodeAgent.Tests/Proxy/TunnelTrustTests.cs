using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>How long a peer is believed, and which identities are none of a workload's.</summary>
[Trait("Category", "Attack")]
public sealed class TunnelTrustTests
{
    private const string Node = "spiffe://cluster.local/culvert/node/node-1";
    private const string Controller = "spiffe://cluster.local/culvert/controller";
    private static readonly SpiffeId Alice = SpiffeId.Parse(ProxyPair.Alice);
    private static readonly SpiffeId Bob = SpiffeId.Parse(ProxyPair.Bob);

    [Theory]
    [InlineData(Node)]
    [InlineData(Controller)]
    public async Task AThiefOfANodesCertificateOpensNoTunnelAsAWorkload(string stolen)
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        TestLeaf leaf = pair.Authority.Issue(stolen);
        using X509Certificate2 certificate = X509Certificate2.CreateFromPem(leaf.CertificatePem, leaf.KeyPem);
        using TcpClient thief = new();
        await thief.ConnectAsync(ProxyPair.ToIp(pair.Tunnel), TestContext.Current.CancellationToken);
        await using SslStream tls = new(thief.GetStream());
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = "tunnel",
                ApplicationProtocols = [SslApplicationProtocol.Http2],
                ClientCertificateContext = SslStreamCertificateContext.Create(certificate, null, offline: true),
                RemoteCertificateValidationCallback = (_, _, _, _) => true,
            },
            TestContext.Current.CancellationToken);
        await SocketExtensions.EventuallyAsync(() => !pair.Destination.Handshakes.IsEmpty);
        TunnelHandshake handshake = pair.Destination.Handshakes.First().Handshake;
        Assert.Equal(ProxyFailure.PeerIdentityMismatch, handshake.Failure);
        Assert.Contains("no workload", handshake.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Node)]
    [InlineData(Controller)]
    public async Task AServerWithANodesCertificateGetsNoByte(string stolen)
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        pair.Destination.Identities[Bob] = Identity(pair.Authority, Bob, pair.Authority.Issue(stolen));

        // Also where the snapshot names such an identity for a workload.
        pair.RouteTo(((System.Net.IPEndPoint)listener.LocalEndPoint!).Port, ProxyPair.Workload("bob", "b", stolen, pair.DestinationAddress));
        await pair.ExpectResetAsync(ProxyFailure.PeerIdentityMismatch);
        Assert.Empty(pair.Destination.Opened);
    }

    [Fact]
    public Task StreamsEndWhenTheClientsCertificateHasExpired() => EndsAsync(
        pair => pair.Source.Identities[Alice] = Identity(pair.Authority, Alice, Short(pair, ProxyPair.Alice)),
        _ => { });

    [Fact]
    public Task StreamsEndWhenTheServersCertificateHasExpired() => EndsAsync(
        pair => pair.Destination.Identities[Bob] = Identity(pair.Authority, Bob, Short(pair, ProxyPair.Bob)),
        _ => { });

    [Fact]
    public Task StreamsEndWhenTheClientsRootLeavesTheBundle() => EndsAsync(
        _ => { },
        pair =>
        {
            // The destination trusts another root from now on; its own certificate stays good.
            using TestAuthority other = new("other");
            TestLeaf leaf = pair.Authority.Issue(ProxyPair.Bob);
            pair.Destination.Identities[Bob] = new TlsIdentity(Bob, pair.Authority.Context(false, leaf, other), pair.Authority.Context(true, leaf, other));
        });

    [Fact]
    public Task StreamsEndWhenTheServersRootLeavesTheBundle() => EndsAsync(
        _ => { },
        pair =>
        {
            using TestAuthority other = new("other");
            TestLeaf leaf = pair.Authority.Issue(ProxyPair.Alice);
            pair.Source.Identities[Alice] = new TlsIdentity(Alice, pair.Authority.Context(false, leaf, other), pair.Authority.Context(true, leaf, other));
        });

    [Fact]
    public Task StreamsEndWhenTheWholeBundleGoes() => EndsAsync(_ => { }, pair => pair.Destination.IsTrustLost = true);

    [Fact]
    public async Task StreamsOutliveTheirCertificatesWhenBothSidesProveThemselvesAnew()
    {
        await using ProxyPair pair = new(o => o with { DistrustDrain = TimeSpan.Zero });
        using Socket listener = pair.ListenByTunnel();
        TestLeaf first = Short(pair, ProxyPair.Alice), second = Short(pair, ProxyPair.Bob);
        pair.Source.Identities[Alice] = Identity(pair.Authority, Alice, first);
        pair.Destination.Identities[Bob] = Identity(pair.Authority, Bob, second);
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        pair.RenewSource();
        pair.RenewDestination();
        pair.SourceProxy.CertificatesChanged();
        pair.DestinationProxy.CertificatesChanged();

        // Nothing else is opened: the stream alone has both sides prove themselves, before and not after the first certificates end.
        await SocketExtensions.EventuallyAsync(() => pair.Source.Handshakes.Count >= 2);
        await SocketExtensions.EventuallyAsync(() => DateTimeOffset.UtcNow > ShortEnd + TimeSpan.FromSeconds(2));
        await client.SendAllAsync("on"u8.ToArray());
        await server.ReceiveExactlyAsync(2);
        Assert.Empty(pair.Source.Closed);
        client.Dispose();
        server.Dispose();
    }

    [Fact]
    public async Task StreamsGoOnWhenAProofComesLateButWithinTheTimeTheyHaveToEnd()
    {
        TimeSpan time = TimeSpan.FromSeconds(4);
        await using ProxyPair pair = new(o => o with { DistrustDrain = time });
        using Socket listener = pair.ListenByTunnel();
        pair.Source.Identities[Alice] = Identity(pair.Authority, Alice, Short(pair, ProxyPair.Alice));
        pair.Destination.Identities[Bob] = Identity(pair.Authority, Bob, Short(pair, ProxyPair.Bob));
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        await SocketExtensions.EventuallyAsync(() => IsDistrusted(pair.Source) && IsDistrusted(pair.Destination));
        pair.RenewSource();
        pair.RenewDestination();
        pair.SourceProxy.CertificatesChanged();
        pair.DestinationProxy.CertificatesChanged();

        DateTimeOffset over = DateTimeOffset.UtcNow + time + TimeSpan.FromSeconds(1);
        await SocketExtensions.EventuallyAsync(() => DateTimeOffset.UtcNow > over);
        await client.SendAllAsync("on"u8.ToArray());
        await server.ReceiveExactlyAsync(2);
        Assert.Empty(pair.Source.Closed);
        client.Dispose();
        server.Dispose();
    }

    [Fact]
    public async Task AProofFromAnotherAddressDoesNotKeepAThiefsTunnel()
    {
        await using ProxyPair pair = new(o => o with { DistrustDrain = TimeSpan.Zero });
        using Socket listener = pair.ListenByTunnel();

        // The thief's connections come from an address of its own, with a certificate that ends; the owner goes on renewing.
        pair.Source.Identities[Alice] = Identity(pair.Authority, Alice, Short(pair, ProxyPair.Alice));
        await using RawTunnelPeer owner = await RawTunnelPeer.ConnectAsync(pair, System.Net.IPAddress.Parse("127.88.0.1"));
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        await server.AssertResetAsync();
        client.Dispose();
        server.Dispose();
    }

    private static bool IsDistrusted(FakeMesh mesh) => mesh.Handshakes.Any(h => h.Handshake.Failure == ProxyFailure.PeerIdentityMismatch);

    private DateTimeOffset ShortEnd { get; set; }

    private TestLeaf Short(ProxyPair pair, string id) =>
        pair.Authority.Issue(ShortEnd = DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 4), id);

    private static TlsIdentity Identity(TestAuthority authority, SpiffeId id, TestLeaf leaf) => new(id, authority.Context(false, leaf), authority.Context(true, leaf));

    private static async Task EndsAsync(Action<ProxyPair> before, Action<ProxyPair> after)
    {
        await using ProxyPair pair = new(o => o with { DistrustDrain = TimeSpan.Zero });
        using Socket listener = pair.ListenByTunnel();
        before(pair);
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        await client.SendAllAsync("hello"u8.ToArray());
        await server.ReceiveExactlyAsync(5);
        after(pair);

        // Neither side closes: only the proxies can end this.
        await client.AssertResetAsync();
        await server.AssertResetAsync();
        await SocketExtensions.EventuallyAsync(() => pair.Source.Handshakes.Concat(pair.Destination.Handshakes).Any(
            h => h.Handshake.Failure == ProxyFailure.PeerIdentityMismatch && h.Handshake.Detail!.Contains("has expired or its root", StringComparison.Ordinal)));
        client.Dispose();
        server.Dispose();
    }
}

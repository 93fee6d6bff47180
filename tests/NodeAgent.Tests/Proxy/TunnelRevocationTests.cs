using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Culvert.Interop.Tls;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>Who is revoked is believed by neither end: no tunnel is made, and none stays.</summary>
[Trait("Category", "Attack")]
public sealed class TunnelRevocationTests
{
    private static readonly SpiffeId Alice = SpiffeId.Parse(ProxyPair.Alice);
    private static readonly SpiffeId Bob = SpiffeId.Parse(ProxyPair.Bob);

    [Fact]
    public async Task AServerOfARevokedIdentityGetsNoByte()
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        pair.Source.Revoked = new() { Identities = [Bob] };
        await pair.ExpectResetAsync(ProxyFailure.PeerRevoked);
        Assert.Empty(pair.Destination.Opened);
        Assert.Contains(pair.Source.Handshakes, h => h.Handshake.Detail == $"{Bob} is revoked");
    }

    [Fact]
    public async Task AServerWithARevokedCertificateGetsNoByteAndAnotherOfItsIdentityDoes()
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        TestLeaf stolen = pair.Authority.Issue(ProxyPair.Bob);
        pair.Destination.Identities[Bob] = Identity(pair.Authority, Bob, stolen);
        pair.Source.Revoked = new() { Serials = [SerialOf(stolen)] };
        await pair.ExpectResetAsync(ProxyFailure.PeerRevoked);
        Assert.Contains(pair.Source.Handshakes, h => h.Handshake.Detail!.Contains(SerialOf(stolen).ToString(), StringComparison.Ordinal));

        pair.RenewDestination();
        (Socket client, Socket server) = await pair.BeginAsync(listener);
        client.Dispose();
        server.Dispose();
    }

    [Fact]
    public async Task AServerBelowARevokedIntermediateAuthorityLosesWhatItHasAndGetsNoMore()
    {
        await using ProxyPair pair = new();
        using TestAuthority intermediate = new("intermediate");
        using Socket listener = pair.ListenByTunnel();
        TestLeaf leaf = intermediate.Issue(ProxyPair.Bob);
        byte[] above = pair.Authority.CertifySuccessor(intermediate);
        TlsContext Context(bool server) => TlsContext.Create(new TlsContextOptions { IsServer = server, Certificate = leaf.Certificate, Chain = [above], PrivateKey = leaf.Key, TrustBundle = [pair.Authority.Root] });
        pair.Destination.Identities[Bob] = new TlsIdentity(Bob, Context(server: false), Context(server: true));
        (Socket client, Socket server) = await pair.BeginAsync(listener);

        pair.Source.Revoked = new() { Serials = [CertificateSerial.Of([1, 2, 3])] };
        pair.SourceProxy.CertificatesChanged();
        await client.AssertResetAsync();
        await server.AssertResetAsync();
        await pair.ExpectResetAsync(ProxyFailure.PeerRevoked);
        client.Dispose();
        server.Dispose();
    }

    [Fact]
    public async Task AClientWithARevokedCertificateReachesNobody()
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        TestLeaf stolen = pair.Authority.Issue(ProxyPair.Alice);
        pair.Source.Identities[Alice] = Identity(pair.Authority, Alice, stolen);
        pair.Destination.Revoked = new() { Serials = [SerialOf(stolen)] };
        await pair.ExpectResetAsync();
        await SocketExtensions.EventuallyAsync(() => pair.Destination.Handshakes.Any(h => h.Handshake.Failure == ProxyFailure.PeerRevoked));
        Assert.Empty(pair.Destination.Opened);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task WhatIsOpenEndsAtOnce(bool isClientRevoked, bool isByIdentity)
    {
        // With the usual time for those who are only late with a renewal: a revocation does not wait for that.
        await using ProxyPair pair = new(o => o with { DistrustDrain = TimeSpan.FromMinutes(1) });
        using Socket listener = pair.ListenByTunnel();
        (FakeMesh revoked, FakeMesh judge, SpiffeId id) = isClientRevoked ? (pair.Source, pair.Destination, Alice) : (pair.Destination, pair.Source, Bob);
        TestLeaf stolen = pair.Authority.Issue(id.ToString());
        revoked.Identities[id] = Identity(pair.Authority, id, stolen);
        (Socket client, Socket server) = await pair.BeginAsync(listener);

        judge.Revoked = isByIdentity ? new() { Identities = [id] } : new() { Serials = [SerialOf(stolen)] };
        (isClientRevoked ? pair.DestinationProxy : pair.SourceProxy).CertificatesChanged();

        await client.AssertResetAsync();
        await server.AssertResetAsync();
        await SocketExtensions.EventuallyAsync(() => judge.Handshakes.Any(h => h.Handshake.Failure == ProxyFailure.PeerRevoked));
        client.Dispose();
        server.Dispose();
    }

    [Fact]
    public async Task WhatWasOpenedWithARevokedCertificateEndsThoughItsPeerHasShownAnotherAndWhatWasOpenedWithThatGoesOn()
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        TestLeaf first = pair.Authority.Issue(ProxyPair.Alice);
        pair.Source.Identities[Alice] = Identity(pair.Authority, Alice, first);
        (Socket oldClient, Socket oldServer) = await pair.BeginAsync(listener);
        pair.RenewSource();
        pair.SourceProxy.CertificatesChanged();
        (Socket client, Socket server) = await pair.BeginAsync(listener);

        pair.Destination.Revoked = new() { Serials = [SerialOf(first)] };
        pair.DestinationProxy.CertificatesChanged();
        await oldClient.AssertResetAsync();
        await oldServer.AssertResetAsync();
        await client.SendAllAsync("on"u8.ToArray());
        await server.ReceiveExactlyAsync(2);
        foreach (Socket socket in new[] { oldClient, oldServer, client, server }) socket.Dispose();
    }

    private static CertificateSerial SerialOf(TestLeaf leaf)
    {
        using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(leaf.Certificate);
        return CertificateSerial.TryParse(certificate.SerialNumber, out CertificateSerial serial, out string? error) ? serial : throw new FormatException(error);
    }

    private static TlsIdentity Identity(TestAuthority authority, SpiffeId id, TestLeaf leaf) => new(id, authority.Context(false, leaf), authority.Context(true, leaf));
}

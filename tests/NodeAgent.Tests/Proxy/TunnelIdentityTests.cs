using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>Who is at the other end of a tunnel, and for whom it speaks.</summary>
public sealed class TunnelIdentityTests
{
    private const string Carol = "spiffe://cluster.local/ns/c/sa/carol";

    [Fact]
    public async Task TheDestinationSeesTheClientsAddressAndBothIdentities()
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        await SocketExtensions.EventuallyAsync(() => !pair.Destination.Opened.IsEmpty);
        ProxyConnectionInfo info = Assert.Single(pair.Destination.Opened);
        Assert.Equal(client.LocalEndPoint, ProxyPair.ToIp(info.Source));
        Assert.Equal(listener.LocalEndPoint, ProxyPair.ToIp(info.Target));
        Assert.Equal((ProxyPair.Alice, ProxyPair.Bob), (info.SourceIdentity!.ToString(), info.DestinationIdentity!.ToString()));
        client.Dispose();
        server.Dispose();
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task AClientAddressThatIsNotThePeersIsNotBelieved()
    {
        await using ProxyPair pair = new();
        pair.Destination.ClientAddressIsTrusted = false;
        using Socket listener = pair.ListenByTunnel();
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        await SocketExtensions.EventuallyAsync(() => !pair.Destination.Opened.IsEmpty);
        Assert.NotEqual(client.LocalEndPoint, ProxyPair.ToIp(Assert.Single(pair.Destination.Opened).Source));
        client.Dispose();
        server.Dispose();
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task AServerThatProvesAnotherIdentityGetsNoByte()
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        pair.RouteTo(((IPEndPoint)listener.LocalEndPoint!).Port, ProxyPair.Workload("carol", "c", Carol, pair.DestinationAddress));
        await pair.ExpectResetAsync(ProxyFailure.PeerIdentityMismatch);
        Assert.Empty(pair.Destination.Opened);
    }

    /// <summary>Certificates of the right authority with the right name, of which each breaks one rule of the X509-SVID standard that a handshake does not ask for.</summary>
    public static TheoryData<bool, X509KeyUsageFlags?, string> BrokenRules => new()
    {
        { true, X509KeyUsageFlags.DigitalSignature, "an authority's" },
        { true, X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyCertSign, "an authority's" },
        { false, X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyCertSign, "may sign certificates" },
        { false, X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.CrlSign, "may sign certificates" },
        { false, null, "keyUsage" },
    };

    [Theory, MemberData(nameof(BrokenRules))]
    [Trait("Category", "Attack")]
    public async Task AServerWhoseCertificateBreaksARuleGetsNoByte(bool isAuthority, X509KeyUsageFlags? usage, string reason)
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        TestLeaf leaf = pair.Authority.IssueWith(ProxyPair.Bob, isAuthority, usage);
        SpiffeId bob = SpiffeId.Parse(ProxyPair.Bob);
        pair.Destination.Identities[bob] = new TlsIdentity(bob, pair.Authority.Context(false, leaf), pair.Authority.Context(true, leaf));
        await pair.ExpectResetAsync(ProxyFailure.PeerIdentityMismatch);
        Assert.Empty(pair.Destination.Opened);
        Assert.Contains(pair.Source.Handshakes, h => h.Handshake.Detail?.Contains(reason, StringComparison.Ordinal) == true);
    }

    [Theory]
    [InlineData("spiffe://cluster.local", "no workload of it")]
    [InlineData("spiffe://other.local/ns/a/sa/alice", "of another trust domain")]
    [Trait("Category", "Attack")]
    public async Task AClientWithANameThatIsNoWorkloadsHereGetsNowhere(string name, string reason)
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        await ExpectRefusedAsync(pair, pair.Authority.Issue(name), reason);
    }

    [Theory, MemberData(nameof(BrokenRules))]
    [Trait("Category", "Attack")]
    public async Task AClientWhoseCertificateBreaksARuleGetsNowhere(bool isAuthority, X509KeyUsageFlags? usage, string reason)
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        await ExpectRefusedAsync(pair, pair.Authority.IssueWith(ProxyPair.Alice, isAuthority, usage), reason);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task AServerOfAnotherAuthorityGetsNoByte()
    {
        await using ProxyPair pair = new();
        using TestAuthority other = new("other");
        using Socket listener = pair.ListenByTunnel();
        TestLeaf leaf = other.Issue(ProxyPair.Bob);
        SpiffeId bob = SpiffeId.Parse(ProxyPair.Bob);
        pair.Destination.Identities[bob] = new TlsIdentity(bob, other.Context(false, leaf), other.Context(true, leaf, pair.Authority));
        await pair.ExpectResetAsync(ProxyFailure.TlsHandshake);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task ARefusedClientCertificateIsReportedOnBothSides()
    {
        await using ProxyPair pair = new();
        using TestAuthority other = new("other");
        using Socket listener = pair.ListenByTunnel();
        TestLeaf leaf = other.Issue(ProxyPair.Alice);
        SpiffeId alice = SpiffeId.Parse(ProxyPair.Alice);
        pair.Source.Identities[alice] = new TlsIdentity(alice, other.Context(false, leaf, pair.Authority), other.Context(true, leaf));
        await pair.ExpectResetAsync(ProxyFailure.TlsHandshake);
        await SocketExtensions.EventuallyAsync(() => pair.Source.Handshakes.Any(h => h.Log) && pair.Destination.Handshakes.Any(h => h.Log));
        Assert.Contains("alert", pair.Source.Handshakes.First(h => h.Log).Handshake.Detail, StringComparison.Ordinal);
        Assert.Contains("verify failed", pair.Destination.Handshakes.First(h => h.Log).Handshake.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WithoutACertificateNothingLeaves()
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        pair.Source.Identities.Clear();
        await pair.ExpectResetAsync(ProxyFailure.NoCertificate);
        Assert.Empty(pair.Destination.Handshakes);
    }

    private static async Task ExpectRefusedAsync(ProxyPair pair, TestLeaf shown, string reason)
    {
        SpiffeId alice = SpiffeId.Parse(ProxyPair.Alice);
        pair.Source.Identities[alice] = new TlsIdentity(alice, pair.Authority.Context(false, shown), pair.Authority.Context(true, shown));
        SocketException exception = await Assert.ThrowsAsync<SocketException>(async () =>
        {
            using Socket client = await pair.ConnectClientAsync(); // may be reset as early as this
            await client.ReceiveToEndAsync();
        });
        Assert.Equal(SocketError.ConnectionReset, exception.SocketErrorCode);
        await SocketExtensions.EventuallyAsync(() => pair.Destination.Handshakes.Any(h => h.Handshake.Detail?.Contains(reason, StringComparison.Ordinal) == true));
        Assert.Empty(pair.Destination.Opened);
    }
}

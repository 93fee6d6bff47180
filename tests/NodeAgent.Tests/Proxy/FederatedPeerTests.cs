using System.Net.Sockets;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.Interop.Tls;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>Peers of other trust domains at the tunnel port: whom their bundles prove, and whom they do not.</summary>
[Trait("Category", "Attack")]
public sealed class FederatedPeerTests : IAsyncDisposable
{
    private const string Partner = "spiffe://partner.example", Third = "spiffe://third.example";
    private const string PartnersAlice = Partner + "/ns/a/sa/alice";
    private static readonly SpiffeId Alice = SpiffeId.Parse(ProxyPair.Alice);
    private static readonly SpiffeId Bob = SpiffeId.Parse(ProxyPair.Bob);

    private readonly ProxyPair _pair = new(o => o with { DistrustDrain = TimeSpan.Zero });
    private readonly TestAuthority _partner = new("partner"), _third = new("third");

    public FederatedPeerTests()
    {
        TestLeaf leaf = _pair.Authority.Issue(ProxyPair.Bob);
        TlsContext server = TlsContext.Create(new TlsContextOptions { IsServer = true, Certificate = leaf.Certificate, PrivateKey = leaf.Key, TrustBundle = [_pair.Authority.Root], ForeignRoots = _pair.Destination.Foreign });
        _pair.Destination.Identities[Bob] = new TlsIdentity(Bob, _pair.Authority.Context(false, leaf), server);
    }

    public async ValueTask DisposeAsync()
    {
        await _pair.DisposeAsync();
        _partner.Dispose();
        _third.Dispose();
    }

    [Fact]
    public async Task APeerOfAFederatedDomainComesInByItsOwnName()
    {
        Federate((Partner, [_partner.Root]), (Third, [_third.Root]));
        using Socket listener = _pair.ListenByTunnel();
        Show(_partner.Issue(PartnersAlice));
        (Socket client, Socket server) = await _pair.BeginAsync(listener);
        Assert.Equal(SpiffeId.Parse(PartnersAlice), Assert.Single(_pair.Destination.Opened).SourceIdentity);
        client.Dispose();
        server.Dispose();
    }

    [Theory]
    [InlineData(ProxyPair.Alice, "verify failed")]
    [InlineData(Third + "/ns/a/sa/alice", "verify failed")]
    [InlineData("spiffe://unknown.example/ns/a/sa/alice", "verify failed")]
    [InlineData("spiffe://partner.example.org/ns/a/sa/alice", "verify failed")]
    [InlineData("spiffe://Partner.example/ns/a/sa/alice", "verify failed")]
    [InlineData(Partner, "verify failed")]
    [InlineData(Partner + "/", "empty segment")]
    [InlineData(Partner + "/culvert/controller", "no workload")]
    [InlineData(Partner + "/culvert/node/node-1", "no workload")]
    [InlineData(Partner + "/spire/server", "a part of SPIRE and no workload")]
    [InlineData(Partner + "/spire/agent/k8s_psat/demo/1", "a part of SPIRE and no workload")]
    [InlineData(Partner + "/spire", "a part of SPIRE and no workload")]
    public async Task AFederatedDomainsRootProvesNoNamesOfOthersAndNoneOfAMeshsParts(string name, string reason)
    {
        Federate((Partner, [_partner.Root]), (Third, [_third.Root]));
        await ExpectRefusedAsync(_partner.Issue(name), reason);
    }

    [Fact]
    public async Task TwoNamesProveNeither()
    {
        Federate((Partner, [_partner.Root]));
        await ExpectRefusedAsync(_partner.Issue(PartnersAlice, ProxyPair.Alice), "verify failed");
    }

    [Theory]
    [InlineData(PartnersAlice)]
    [InlineData(Third + "/ns/a/sa/alice")]
    public async Task TheMeshsOwnRootProvesNoNamesOfOthers(string name)
    {
        Federate((Partner, [_partner.Root]));
        await ExpectRefusedAsync(_pair.Authority.Issue(name), name == PartnersAlice ? "verify failed" : "not federated");
    }

    [Fact]
    public async Task NobodyOfADomainWithoutKeysComesIn()
    {
        Federate((Partner, []));
        await ExpectRefusedAsync(_partner.Issue(PartnersAlice), "verify failed");
    }

    [Fact]
    public async Task AnExpiredCertificateOfAFederatedDomainIsRefused()
    {
        Federate((Partner, [_partner.Root]));
        await ExpectRefusedAsync(_partner.Issue(DateTimeOffset.UtcNow.AddMinutes(-1), PartnersAlice), "expired");
    }

    [Fact]
    public async Task ADomainThatNamesRootsLikeTheMeshsKeepsNobodyOfTheMeshOut()
    {
        // Of the same name, and the very same: in one store with the mesh's either could be found first.
        using TestAuthority like = new();
        Federate((Partner, [like.Root, _pair.Authority.Root]));
        using Socket listener = _pair.ListenByTunnel();
        (Socket client, Socket server) = await _pair.BeginAsync(listener);
        Assert.Equal(Alice, Assert.Single(_pair.Destination.Opened).SourceIdentity);
        client.Dispose();
        server.Dispose();
    }

    [Fact]
    public async Task ADomainsRootThatIsNamedLikeTheMeshsProvesNobodyOfTheMesh()
    {
        using TestAuthority like = new();
        Federate((Partner, [like.Root]));
        await ExpectRefusedAsync(like.Issue(ProxyPair.Alice), "verify failed");
    }

    [Fact]
    public void AllIdentitiesOfADomainShareWhatOneOfTheMeshMayHave()
    {
        BudgetHolder one = BudgetHolder.Of(SpiffeId.Parse(PartnersAlice), Bob), other = BudgetHolder.Of(SpiffeId.Parse(Partner + "/made/up"), Bob);
        Assert.Equal(one, other);
        Assert.NotEqual(one, BudgetHolder.Of(SpiffeId.Parse(Third + "/ns/a/sa/alice"), Bob));
        Assert.Equal(BudgetHolder.Of(Alice), BudgetHolder.Of(Alice, Bob));
    }

    [Fact]
    public void IdentitiesThatADomainMakesHaveNoProofsOfOthersForgotten()
    {
        const int most = 4;
        PeerProofs proofs = new(most, mostOfOthers: most);
        TlsIdentity shown = _pair.Destination.Identities[Bob];
        _pair.Destination.Foreign.Set(Bundles((Partner, [_partner.Root]), (Third, [_third.Root])));
        DateTimeOffset now = DateTimeOffset.UtcNow;
        PeerTrust ours = Trust(Alice, _pair.Authority), thirds = Trust(SpiffeId.Parse(Third + "/ns/a/sa/alice"), _third);
        for (int i = 0; i < 10 * most; i++) proofs.Note(Key(SpiffeId.Parse($"{Partner}/made/up/{i}")), Proof(_partner, now.AddHours(1)) with { MadeAt = now.AddMilliseconds(i) });

        // Both tunnels are as old as certificates that have ended: what their peers have shown since is all that they have.
        Assert.Equal((ProxyFailure.None, ProxyFailure.None), (ours.Doubt, thirds.Doubt));
        Assert.Null(proofs.Find(Key(SpiffeId.Parse($"{Partner}/made/up/0"))));
        Assert.NotNull(proofs.Find(Key(SpiffeId.Parse($"{Partner}/made/up/{(10 * most) - 1}"))));

        PeerTrust Trust(SpiffeId peer, TestAuthority authority)
        {
            proofs.Note(Key(peer), Proof(authority, now.AddHours(1)));
            return new(Key(peer), Proof(authority, now.AddMinutes(-1)), _pair.Destination, proofs, TimeProvider.System);
        }

        PeerProof Proof(TestAuthority authority, DateTimeOffset notAfter) => new(shown, now, notAfter, TlsAnchor.Of(authority.Root.Span), []);

        static PeerKey Key(SpiffeId peer) => new(new SocketEndPoint(System.Net.IPAddress.Loopback, 0), peer, Bob, true);
    }

    [Fact]
    public async Task ARootThatCanNotBeReadTakesItsOwnDomainAlone()
    {
        Federate((Partner, [_partner.Root]), (Third, [_third.Root]));
        IReadOnlyDictionary<string, string> failed = _pair.Destination.Foreign.Set(Bundles((Partner, [_partner.Root, new byte[] { 1, 2, 3 }]), (Third, [_third.Root])));
        _pair.DestinationProxy.CertificatesChanged();
        Assert.Equal(Partner, Assert.Single(failed).Key);
        await ExpectRefusedAsync(_partner.Issue(PartnersAlice), "verify failed");
        using Socket listener = _pair.ListenByTunnel();
        Show(_third.Issue(Third + "/ns/a/sa/alice"));
        _pair.SourceProxy.CertificatesChanged();
        (Socket client, Socket server) = await _pair.BeginAsync(listener);
        client.Dispose();
        server.Dispose();
    }

    [Fact]
    public async Task WhoeverIsConnectedToIsOfTheMeshAlone()
    {
        _pair.Source.Foreign.Set(Bundles((Partner, [_partner.Root])));
        TestLeaf shown = _pair.Authority.Issue(ProxyPair.Alice), stranger = _partner.Issue(Partner + "/ns/b/sa/bob");
        TlsContext client = TlsContext.Create(new TlsContextOptions { IsServer = false, Certificate = shown.Certificate, PrivateKey = shown.Key, TrustBundle = [_pair.Authority.Root], ForeignRoots = _pair.Source.Foreign });
        _pair.Source.Identities[Alice] = new TlsIdentity(Alice, client, _pair.Authority.Context(true, shown));
        _pair.Destination.Identities[Bob] = new TlsIdentity(Bob, _pair.Authority.Context(false, stranger), _pair.Authority.Context(true, stranger));
        using Socket listener = _pair.ListenByTunnel();
        _pair.RouteTo(((System.Net.IPEndPoint)listener.LocalEndPoint!).Port, ProxyPair.Workload("bob", "b", Partner + "/ns/b/sa/bob", _pair.DestinationAddress));
        await _pair.ExpectResetAsync(ProxyFailure.PeerIdentityMismatch);
        Assert.Empty(_pair.Destination.Opened);
    }

    [Fact]
    public async Task LiveTunnelsEndWhenTheirDomainIsWithdrawn()
    {
        Federate((Partner, [_partner.Root]));
        using Socket listener = _pair.ListenByTunnel();
        Show(_partner.Issue(PartnersAlice));
        (Socket client, Socket server) = await _pair.BeginAsync(listener);
        Federate();
        await client.AssertResetAsync();
        await server.AssertResetAsync();
        await SocketExtensions.EventuallyAsync(() => _pair.Destination.Handshakes.Any(h => h.Handshake.Failure == ProxyFailure.PeerIdentityMismatch && h.Handshake.PeerIdentity == SpiffeId.Parse(PartnersAlice)));
        client.Dispose();
        server.Dispose();
    }

    [Fact]
    public async Task TheRootsOfADomainAreReplacedWithoutAFailedHandshake()
    {
        using TestAuthority next = new("next partner");
        Federate((Partner, [_partner.Root]));
        using Socket listener = _pair.ListenByTunnel();
        Show(_partner.Issue(PartnersAlice));
        (Socket client, Socket server) = await _pair.BeginAsync(listener);

        // First both are known, then the new one signs, then the old one goes.
        Federate((Partner, [_partner.Root, next.Root]));
        await ExchangeAsync(client, server);
        Show(next.Issue(PartnersAlice));
        _pair.SourceProxy.CertificatesChanged();
        await SocketExtensions.EventuallyAsync(async () =>
        {
            // Until GOAWAY has arrived, new streams may still share the old tunnel.
            (Socket c, Socket s) = await _pair.BeginAsync(listener);
            c.Dispose();
            s.Dispose();
            return _pair.Source.Handshakes.Count > 1;
        });
        Federate((Partner, [next.Root]));

        // Its peer has proven itself anew, from the same address.
        await ExchangeAsync(client, server);
        (Socket after, Socket afterServer) = await _pair.BeginAsync(listener);
        Assert.All(_pair.Source.Handshakes.Concat(_pair.Destination.Handshakes), h => Assert.Equal(ProxyFailure.None, h.Handshake.Failure));
        foreach (Socket socket in new[] { client, server, after, afterServer }) socket.Dispose();
    }

    private static Dictionary<string, IReadOnlyList<ReadOnlyMemory<byte>>> Bundles(params (string Domain, ReadOnlyMemory<byte>[] Roots)[] bundles) =>
        bundles.ToDictionary(b => b.Domain, b => (IReadOnlyList<ReadOnlyMemory<byte>>)b.Roots, StringComparer.Ordinal);

    private static async Task ExchangeAsync(Socket client, Socket server)
    {
        await client.SendAllAsync("live"u8.ToArray());
        await server.ReceiveExactlyAsync(4);
        await server.SendAllAsync("live"u8.ToArray());
        await client.ReceiveExactlyAsync(4);
    }

    private void Federate(params (string Domain, ReadOnlyMemory<byte>[] Roots)[] bundles)
    {
        _pair.Destination.Foreign.Set(Bundles(bundles));
        _pair.DestinationProxy.CertificatesChanged();
    }

    // The source is of the mesh, by its own book: what it shows is another's.
    private void Show(TestLeaf leaf) => _pair.Source.Identities[Alice] = new TlsIdentity(Alice, _pair.Authority.Context(false, leaf), _pair.Authority.Context(true, leaf));

    private async Task ExpectRefusedAsync(TestLeaf shown, string reason)
    {
        int before = _pair.Destination.Opened.Count;
        using Socket listener = _pair.ListenByTunnel();
        Show(shown);
        _pair.SourceProxy.CertificatesChanged();
        await _pair.ExpectResetAsync();
        await SocketExtensions.EventuallyAsync(() => _pair.Destination.Handshakes.Any(h => h.Handshake.Detail?.Contains(reason, StringComparison.Ordinal) == true));
        Assert.Equal(before, _pair.Destination.Opened.Count);
    }
}

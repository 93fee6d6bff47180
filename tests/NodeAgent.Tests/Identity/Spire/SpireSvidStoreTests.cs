using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Culvert.Interop.Tls;
using Culvert.NodeAgent.Identity;
using Culvert.NodeAgent.Identity.Spire;
using Culvert.NodeAgent.Telemetry;
using Culvert.NodeAgent.Telemetry.Metrics;
using Culvert.NodeAgent.Tests.Proxy;
using Culvert.NodeAgent.Tests.Telemetry;
using Culvert.Protocol;
using Culvert.Protocol.SpireAgentApi;
using Culvert.Tests.Shared;
using Culvert.Tests.Shared.Spire;
using Google.Protobuf;

namespace Culvert.NodeAgent.Tests.Identity.Spire;

/// <summary>Certificates that a SPIRE agent gives by its Delegated Identity API.</summary>
public sealed class SpireSvidStoreTests : IAsyncDisposable
{
    private const string TrustDomain = "cluster.local";
    private const string Web = $"spiffe://{TrustDomain}/ns/shop/sa/web";
    private static readonly SpiffeId WebId = SpiffeId.Parse(Web);
    private static readonly string[] Selectors = ["k8s:ns:shop", "k8s:sa:web"];
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly ConcurrentQueue<string> _lines = [];
    private readonly AgentMetrics _metrics = new(new MetricRegistry());
    private readonly List<IAsyncDisposable> _owned = [];

    public async ValueTask DisposeAsync()
    {
        foreach (IAsyncDisposable owned in Enumerable.Reverse(_owned)) await owned.DisposeAsync();
    }

    [Fact]
    public async Task TheFirstCertificateComesWithItsKeyByTheIdentitysSelectors()
    {
        StandInSpireAgent agent = await StartAgentAsync();
        agent.Register("e1", Web, Selectors);
        SpireSvidStore store = Store(agent);
        Svid svid = await NextAsync(store, () => Want(store));
        Assert.Equal(agent.CertificateOf("e1"), svid.Chain[0]);
        using X509Certificate2 leaf = X509CertificateLoader.LoadCertificate(svid.Chain[0]);
        using ECDsa key = ECDsa.Create();
        key.ImportPkcs8PrivateKey(svid.PrivateKey.Use(k => k.ToArray()), out _);
        Assert.Equal(leaf.PublicKey.ExportSubjectPublicKeyInfo(), key.ExportSubjectPublicKeyInfo());
        Assert.Equal(Selectors, agent.Asked.Order());
        Assert.Same(svid, store.Find(WebId));
        Assert.Equal(agent.Roots.Select(r => r.RawData), store.Bundle.Roots.Select(r => r.ToArray()));
        Assert.Equal((null, true, "spire-agent"), (Assert.Single(store.List()).LastError, store.IsConnected, store.Source));
        Assert.Empty(_lines);
    }

    [Fact]
    public async Task AnotherCertificateIsTakenAndTheSameOneOnce()
    {
        StandInSpireAgent agent = await StartAgentAsync();
        agent.Register("e1", Web, Selectors);
        SpireSvidStore store = Store(agent);
        await NextAsync(store, () => Want(store));
        for (int i = 0; i < 3; i++) agent.Repeat();
        Svid second = await NextAsync(store, () => agent.Renew("e1"));
        Assert.Equal(2, second.Version);
        Assert.Equal(agent.CertificateOf("e1"), second.Chain[0]);
        Assert.Contains("culvert_spire_certificates_total{result=\"taken\"} 2", Exposition(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WithoutAnEntryTheReasonSaysWhichToMakeAndTheStreamStaysOpenForIt()
    {
        StandInSpireAgent agent = await StartAgentAsync();
        SpireSvidStore store = Store(agent);
        Want(store);
        await UntilAsync(() => ErrorOf(store) is not null);
        Assert.Contains($"no entry of this identity for k8s:ns:shop and k8s:sa:web; make one: spire-server entry create -spiffeID {Web} -parentID", ErrorOf(store), StringComparison.Ordinal);
        Assert.Contains("-selector k8s:ns:shop -selector k8s:sa:web", ErrorOf(store), StringComparison.Ordinal);
        Assert.Null(store.Find(WebId));

        // One that wants more than is given matches nothing.
        agent.Register("e0", Web, [.. Selectors, "k8s:container-name:web"]);
        await NextAsync(store, () => agent.Register("e1", Web, Selectors));
        Assert.Null(ErrorOf(store));
        Assert.Equal(agent.CertificateOf("e1"), store.Find(WebId)!.Chain[0]);
        await agent.SubscribedAsync(1);
    }

    [Fact]
    public async Task AnEntryThatGoesTakesItsCertificateWithIt()
    {
        StandInSpireAgent agent = await StartAgentAsync();
        agent.Register("e1", Web, Selectors);
        SpireSvidStore store = Store(agent);
        (TlsIdentityTable tls, _) = Table(store);
        await NextAsync(store, () => Want(store));
        Assert.NotNull(tls.Find(WebId));

        await WithdrawnAsync(store, () => agent.Remove("e1"));
        Assert.Null(store.Find(WebId));
        Assert.Null(tls.Find(WebId));
        Assert.Contains("no entry of this identity", ErrorOf(store), StringComparison.Ordinal);
        Assert.Contains("culvert_spire_certificates_total{result=\"withdrawn\"} 1", Exposition(), StringComparison.Ordinal);

        await NextAsync(store, () => agent.Register("e1", Web, Selectors));
        Assert.NotNull(tls.Find(WebId));
        Assert.Equal(2, store.Find(WebId)!.Version);
    }

    [Fact]
    public async Task OtherIdentitiesOfAnAnswerAreNeverUsed()
    {
        StandInSpireAgent agent = await StartAgentAsync();
        agent.Register("a", $"spiffe://{TrustDomain}/whole-namespace", "k8s:ns:shop");
        SpireSvidStore store = Store(agent);
        Want(store);
        await UntilAsync(() => ErrorOf(store) is not null);
        Assert.Contains($"(it has spiffe://{TrustDomain}/whole-namespace for them)", ErrorOf(store), StringComparison.Ordinal);
        Assert.Null(store.Find(WebId));

        await NextAsync(store, () => agent.Register("b", Web, Selectors));
        Assert.Equal(agent.CertificateOf("b"), store.Find(WebId)!.Chain[0]);
    }

    [Fact]
    public async Task OfSeveralOfOneIdentityTheLatestEndIsTakenAndStaysWhileItIsTold()
    {
        StandInSpireAgent agent = await StartAgentAsync();
        agent.Register("a", Web, "k8s:sa:web");
        agent.Register("b", Web, Selectors);
        agent.Register("c", Web, "k8s:ns:shop");
        agent.Renew("b", TimeSpan.FromHours(2));
        SpireSvidStore store = Store(agent);
        Svid first = await NextAsync(store, () => Want(store));
        Assert.Equal(agent.CertificateOf("b"), first.Chain[0]);

        // Others that are renewed replace nothing.
        agent.Renew("a", TimeSpan.FromHours(3));
        Svid second = await NextAsync(store, () => agent.Remove("b"));
        Assert.Equal(2, second.Version);
        Assert.Equal(agent.CertificateOf("a"), second.Chain[0]);
    }

    [Theory]
    [InlineData("foreign root", "does not lead to a root of the trust bundle")]
    [InlineData("other key", "the key is not the certificate's")]
    [InlineData("damaged", "is damaged")]
    [InlineData("no certificate", "comes with 0 certificates")]
    [InlineData("other identity", "names spiffe://cluster.local/ns/shop/sa/db, and is kept for")]
    [InlineData("authority", "is an authority's")]
    [InlineData("ended", "has ended at")]
    public async Task WhatPeersWouldNotTakeIsRefusedAndTheOneBeforeStays(string fault, string reason)
    {
        using TestAuthority foreign = new();
        using ECDsa other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        StandInSpireAgent agent = await StartAgentAsync();
        agent.Register("e1", Web, Selectors);
        agent.Register("e2", $"spiffe://{TrustDomain}/ns/shop/sa/db", "k8s:sa:db");
        SpireSvidStore store = Store(agent);
        Svid good = await NextAsync(store, () => Want(store));
        agent.Svids = Bad;
        agent.Renew("e1", fault == "ended" ? TimeSpan.FromSeconds(-1) : null);
        await UntilAsync(() => ErrorOf(store) is not null && !_lines.IsEmpty);
        Assert.Contains(reason, ErrorOf(store), StringComparison.Ordinal);
        Assert.Same(good, store.Find(WebId));
        Assert.Contains("the one before stays until it ends", Assert.Single(_lines), StringComparison.Ordinal);
        Assert.Contains("culvert_spire_certificates_total{result=\"refused\"} 1", Exposition(), StringComparison.Ordinal);

        // Who has none before has none now.
        SpireSvidStore late = Store(agent);
        Want(late);
        await UntilAsync(() => ErrorOf(late) is not null);
        Assert.Contains(reason, ErrorOf(late), StringComparison.Ordinal);
        Assert.Null(late.Find(WebId));

        agent.Svids = s => s;
        await NextAsync(store, () => agent.Renew("e1"));
        Assert.Null(ErrorOf(store));

        X509SVIDWithKey Bad(X509SVIDWithKey svid)
        {
            if (svid.X509Svid.Id.Path != WebId.Path) return svid;
            X509SVIDWithKey bad = svid.Clone();
            TestLeaf? leaf = fault switch
            {
                "foreign root" => foreign.Issue(Web),
                "authority" => foreign.IssueWith(Web, isAuthority: true, X509KeyUsageFlags.DigitalSignature),
                _ => null,
            };
            if (leaf is not null) (bad.X509Svid.CertChain[0], bad.X509SvidKey) = (ByteString.CopyFrom(leaf.Certificate), ByteString.CopyFrom(leaf.Key));
            if (fault == "authority") bad.X509Svid.CertChain[0] = ByteString.CopyFrom(leaf!.Certificate);
            if (fault == "other key") bad.X509SvidKey = ByteString.CopyFrom(other.ExportPkcs8PrivateKey());
            if (fault == "damaged") bad.X509Svid.CertChain[0] = ByteString.CopyFromUtf8("nonsense");
            if (fault == "no certificate") bad.X509Svid.CertChain.Clear();
            if (fault == "other identity") (bad.X509Svid.CertChain[0], bad.X509SvidKey) = (ByteString.CopyFrom(agent.CertificateOf("e2")), ByteString.CopyFrom(agent.KeyOf("e2")));
            return bad;
        }
    }

    [Fact]
    public async Task WhatHasEndedIsNotUsedThoughTheAgentGoesOnToServeIt()
    {
        ManualTime time = new(DateTimeOffset.UtcNow);
        StandInSpireAgent agent = await StartAgentAsync();
        agent.Register("e1", Web, Selectors);
        SpireSvidStore store = Store(agent, time);
        (TlsIdentityTable tls, _) = Table(store, time);
        Svid svid = await NextAsync(store, () => Want(store));
        time.Advance(svid.NotAfter - time.GetUtcNow() - TimeSpan.FromSeconds(1));
        Assert.NotNull(tls.Find(WebId));
        await WithdrawnAsync(store, () => time.Advance(TimeSpan.FromSeconds(1)));
        Assert.Null(store.Find(WebId));
        Assert.Null(tls.Find(WebId));
        Assert.Contains("has ended at", ErrorOf(store), StringComparison.Ordinal);
        Assert.Contains("culvert_spire_certificates_total{result=\"expired\"} 1", Exposition(), StringComparison.Ordinal);

        // To fresh streams as well, and again and again.
        for (int i = 0; i < 3; i++) agent.Repeat();
        SpireSvidStore late = Store(agent, time);
        Want(late);
        await UntilAsync(() => ErrorOf(late) is not null);
        Assert.Contains("has ended at", ErrorOf(late), StringComparison.Ordinal);
        Assert.Null(store.Find(WebId));

        await NextAsync(store, () => agent.Renew("e1", TimeSpan.FromHours(3)));
        Assert.NotNull(tls.Find(WebId));
    }

    [Fact]
    public async Task TheAgentsRestartCostsNoCertificateAndBringsOthers()
    {
        StandInSpireAgent agent = await StartAgentAsync();
        SpiffeId[] ids = [.. Enumerable.Range(0, 40).Select(i => SpiffeId.ForServiceAccount(TrustDomain, "shop", $"w{i}"))];
        foreach (SpiffeId id in ids) agent.Register(id.ServiceAccount!, id.ToString(), $"k8s:sa:{id.ServiceAccount}");
        SpireSvidStore store = Store(agent);
        (TlsIdentityTable tls, _) = Table(store, null, ids);
        store.Want(ids.ToDictionary(i => i, _ => "shop/w"));
        await UntilAsync(() => ids.All(i => tls.Find(i) is not null));
        Svid[] before = [.. ids.Select(i => store.Find(i)!)];

        await agent.StopAsync();

        // First that the connection broke, and after the next attempt why there is none.
        await UntilAsync(() => store.IsConnected is false && ErrorOf(store)?.Contains("there is no socket", StringComparison.Ordinal) == true);
        Assert.Equal(before, ids.Select(i => store.Find(i)!));
        Assert.All(ids, i => Assert.NotNull(tls.Find(i)));

        await agent.StartAsync();
        await UntilAsync(() => store.List().All(s => s.Svid!.Version == 2));
        Assert.All(ids.Zip(before), p => Assert.NotEqual(p.Second.PrivateKey.Use(k => k.ToArray()), store.Find(p.First)!.PrivateKey.Use(k => k.ToArray())));
        Assert.All(store.List(), s => Assert.Null(s.LastError));

        // Told for the agent, and not for each identity: when the connection broke, and what became of the next attempt.
        Assert.InRange(_lines.Count, 1, 3);
        Assert.All(_lines, l => Assert.Contains("no certificates are to be had", l, StringComparison.Ordinal));
    }

    [Fact]
    public async Task AnAgentThatIsAbsentAtFirstIsWaitedFor()
    {
        StandInSpireAgent agent = Own(new StandInSpireAgent(TrustDomain));
        SpireSvidStore store = Store(agent);
        Want(store);
        await UntilAsync(() => ErrorOf(store) is not null);
        Assert.Contains($"the SPIRE agent at unix://{agent.Socket}", ErrorOf(store), StringComparison.Ordinal);
        Assert.Contains("there is no socket: is admin_socket_path set", ErrorOf(store), StringComparison.Ordinal);
        Assert.False(store.IsConnected);

        agent.Register("e1", Web, Selectors);
        await agent.StartAsync();
        await UntilAsync(() => store.Find(WebId) is not null);
        Assert.Null(ErrorOf(store));
    }

    [Theory]
    [InlineData(false, "no identity issued; this process has no identity of its own there")]
    [InlineData(true, "caller not configured as an authorized delegate; name this process's SPIFFE ID in authorized_delegates")]
    public async Task WhoIsNoDelegateIsToldWhatToDoAndTriesAgain(bool hasIdentity, string reason)
    {
        StandInSpireAgent agent = await StartAgentAsync();
        (agent.HasIdentity, agent.IsDelegate) = (hasIdentity, false);
        agent.Register("e1", Web, Selectors);
        SpireSvidStore store = Store(agent);
        Want(store);
        await agent.RefusedAsync(2).WaitAsync(Patience);
        Assert.Contains("PermissionDenied: " + reason, ErrorOf(store), StringComparison.Ordinal);
        Assert.Single(_lines);
        (agent.HasIdentity, agent.IsDelegate) = (true, true);
        await UntilAsync(() => store.Find(WebId) is not null);
        Assert.Null(ErrorOf(store));
    }

    [Fact]
    public async Task OfAnotherSocketItIsSaidWhichIsWanted()
    {
        StandInSpireAgent agent = Own(new StandInSpireAgent(TrustDomain) { IsOtherSocket = true });
        await agent.StartAsync();
        SpireSvidStore store = Store(agent);
        Want(store);
        await UntilAsync(() => ErrorOf(store) is not null);
        Assert.Contains("Unimplemented: unknown service", ErrorOf(store), StringComparison.Ordinal);
        Assert.Contains("--spire-agent takes the admin socket (admin_socket_path", ErrorOf(store), StringComparison.Ordinal);
    }

    [Fact]
    public async Task StreamsThatAreOpenGoOnWhenThisProcessIsNoDelegateAnyMore()
    {
        SpiffeId db = SpiffeId.ForServiceAccount(TrustDomain, "shop", "db");
        StandInSpireAgent agent = await StartAgentAsync();
        agent.Register("e1", Web, Selectors);
        agent.Register("e2", db.ToString(), "k8s:sa:db");
        SpireSvidStore store = Store(agent);
        await NextAsync(store, () => Want(store));
        agent.IsDelegate = false;
        store.Want(new Dictionary<SpiffeId, string> { [WebId] = "shop/web", [db] = "shop/db" });
        await UntilAsync(() => store.List().Any(s => s.LastError is not null));
        Assert.Contains("authorized_delegates", store.List().Single(s => s.Id == db).LastError, StringComparison.Ordinal);
        await NextAsync(store, () => agent.Renew("e1"));
        Assert.Equal((2, null), (store.Find(WebId)!.Version, store.List().Single(s => s.Id == WebId).LastError));

        agent.IsDelegate = true;
        await UntilAsync(() => store.Find(db) is not null);
        Assert.All(store.List(), s => Assert.Null(s.LastError));
    }

    [Fact]
    public async Task AnotherRootIsInForceAtOnceAndWhatIsBelowItTaken()
    {
        StandInSpireAgent agent = await StartAgentAsync();
        agent.Register("e1", Web, Selectors);
        SpireSvidStore store = Store(agent);
        (TlsIdentityTable tls, TunnelTrust trust) = Table(store);
        await NextAsync(store, () => Want(store));
        agent.PrepareAndActivate();
        await UntilAsync(() => trust.InForce.Roots.Length == 2);
        Svid second = await NextAsync(store, () => agent.Renew("e1"));
        agent.RevokeAuthority();
        await UntilAsync(() => trust.InForce.Roots.Length == 1);
        Assert.Equal(agent.Roots.Single().RawData, trust.InForce.Roots.Single().ToArray());
        Assert.Same(second, store.Find(WebId));
        Assert.NotNull(tls.Find(WebId));
        Assert.Null(ErrorOf(store));
    }

    [Fact]
    public async Task WhatIsBelowARootThatHasGoneIsNotUsedAnyMore()
    {
        StandInSpireAgent agent = await StartAgentAsync();
        agent.Register("e1", Web, Selectors);
        SpireSvidStore store = Store(agent);
        (TlsIdentityTable tls, _) = Table(store);
        await NextAsync(store, () => Want(store));
        agent.PrepareAndActivate();
        await WithdrawnAsync(store, agent.RevokeAuthority);
        Assert.Null(tls.Find(WebId));
        Assert.Contains("does not lead to a root", ErrorOf(store), StringComparison.Ordinal);
        await NextAsync(store, () => agent.Renew("e1"));
        Assert.NotNull(tls.Find(WebId));
    }

    [Fact]
    public async Task ACertificateThatComesBeforeItsRootIsTakenWithIt()
    {
        StandInSpireAgent agent = await StartAgentAsync();
        agent.Register("e1", Web, Selectors);
        SpireSvidStore store = Store(agent);
        Svid first = await NextAsync(store, () => Want(store));
        byte[] old = agent.Roots.Single().RawData;
        agent.Bundles = b => new() { CaCertificates = { [$"spiffe://{TrustDomain}"] = ByteString.CopyFrom(old) } };
        agent.PrepareAndActivate();
        agent.Renew("e1");
        await UntilAsync(() => ErrorOf(store) is not null);
        Assert.Same(first, store.Find(WebId));

        agent.Bundles = b => b;
        Svid second = await NextAsync(store, agent.Repeat);
        Assert.Equal(agent.CertificateOf("e1"), second.Chain[0]);
    }

    [Fact]
    public async Task ARevokedCertificateIsNotUsedAnyMoreAndTheNextOneIs()
    {
        StandInSpireAgent agent = await StartAgentAsync();
        agent.Register("e1", Web, Selectors);
        SpireSvidStore store = Store(agent);
        (TlsIdentityTable tls, _) = Table(store);
        Svid first = await NextAsync(store, () => Want(store));
        tls.Revoke(new() { Serials = [CertificateSerial.Of([0x77])], Identities = [WebId] });
        Assert.Same(first, store.Find(WebId));

        await WithdrawnAsync(store, () => tls.Revoke(new() { Serials = [SvidReader.SerialOf(first.Chain[0])] }));
        Assert.Null(tls.Find(WebId));
        Assert.Contains("which is revoked", ErrorOf(store), StringComparison.Ordinal);
        await NextAsync(store, () => agent.Renew("e1"));
        Assert.NotNull(tls.Find(WebId));
    }

    [Fact]
    public async Task AnAgentOfAnotherTrustDomainIsSaidToBeOne()
    {
        StandInSpireAgent agent = Own(new StandInSpireAgent("demo.culvert"));
        await agent.StartAsync();
        agent.Register("e1", "spiffe://demo.culvert/ns/shop/sa/web", Selectors);
        SpireSvidStore store = Store(agent);
        Want(store);
        await UntilAsync(() => ErrorOf(store) is not null);
        Assert.Contains("has no bundle of the mesh's trust domain, cluster.local; it has: demo.culvert. Set spec.trustDomain", ErrorOf(store), StringComparison.Ordinal);
        Assert.Null(store.Find(WebId));
        Assert.True(store.Bundle.Roots.IsEmpty);
    }

    [Fact]
    public async Task RootsStayInForceWhenTheAgentTellsNoneOrNonsense()
    {
        StandInSpireAgent agent = await StartAgentAsync();
        agent.Register("e1", Web, Selectors);
        SpireSvidStore store = Store(agent);
        await NextAsync(store, () => Want(store));
        TrustBundle before = store.Bundle;
        foreach (string bad in new[] { "gone", "damaged" })
        {
            int lines = _lines.Count;
            agent.Bundles = _ => new() { CaCertificates = { [bad == "gone" ? "spiffe://other" : $"spiffe://{TrustDomain}"] = ByteString.CopyFromUtf8("nonsense") } };
            agent.Repeat();
            await UntilAsync(() => _lines.Count > lines);
            Assert.Equal(before, store.Bundle);
            Assert.NotNull(store.Find(WebId));
        }
    }

    [Fact]
    public async Task AnotherTrustDomainIsBelievedByTheAgentsRootsOfItWhereASnapshotNamesIt()
    {
        StandInSpireAgent agent = await StartAgentAsync();
        using TestAuthority partner = new("partner"), controllers = new("controllers");
        TlsAnchor known = TlsAnchor.Of(partner.Root.Span);
        SpireSvidStore store = Store(agent);
        (TlsIdentityTable tls, TunnelTrust trust) = Table(store);
        agent.Bundles = bundles =>
        {
            bundles.CaCertificates["spiffe://partner.example"] = ByteString.CopyFrom(partner.Root.Span);
            return bundles;
        };
        agent.Repeat();
        await UntilAsync(() => store.FindForeign("partner.example") is not null);
        Assert.False(tls.TrustsForeign("partner.example", known));
        trust.Use(new TrustBundle(TrustDomain, []), new HashSet<SpiffeId>(), [new TrustBundle("partner.example", [controllers.Root])]);
        Assert.True(tls.TrustsForeign("partner.example", known));
        Assert.False(tls.TrustsForeign("partner.example", TlsAnchor.Of(controllers.Root.Span)));

        // The agent has not heard yet that the domain has revoked all; the controller has. Another root of it there is none here.
        trust.Withdraw([new TrustBundle("partner.example", [])]);
        Assert.False(tls.TrustsForeign("partner.example", known));
        trust.Use(new TrustBundle(TrustDomain, []), new HashSet<SpiffeId>(), [new TrustBundle("partner.example", [])]);
        Assert.False(tls.TrustsForeign("partner.example", known));
        trust.Use(new TrustBundle(TrustDomain, []), new HashSet<SpiffeId>(), [new TrustBundle("partner.example", [controllers.Root])]);
        trust.Withdraw([new TrustBundle("partner.example", [partner.Root])]);
        Assert.True(tls.TrustsForeign("partner.example", known));
        agent.Bundles = bundles => bundles;
        agent.Repeat();
        await UntilAsync(() => !tls.TrustsForeign("partner.example", known));
    }

    [Fact]
    public async Task BundlesOfOthersAreNotLookedAtAndTheOwnIsFoundByEitherName()
    {
        StandInSpireAgent agent = Own(new StandInSpireAgent(TrustDomain) { NamesBundlesBare = true });
        await agent.StartAsync();
        agent.Bundles = b =>
        {
            b.CaCertificates["spiffe://elsewhere.example"] = ByteString.CopyFromUtf8("nonsense");
            return b;
        };
        agent.Register("e1", Web, Selectors);
        SpireSvidStore store = Store(agent);
        await NextAsync(store, () => Want(store));
        Assert.Equal(agent.Roots.Select(r => r.RawData), store.Bundle.Roots.Select(r => r.ToArray()));
        Assert.Empty(_lines);
    }

    [Fact]
    public async Task NobodyElseRenewsWhatSpireGives()
    {
        StandInSpireAgent agent = await StartAgentAsync();
        agent.Register("e1", Web, Selectors);
        SpireSvidStore store = Store(agent);
        Svid svid = await NextAsync(store, () => Want(store));
        Rotation rotation = await store.RotateAsync(WebId, CancellationToken.None);
        Assert.Equal(svid.Chain[0], rotation.Before);
        Assert.Null(rotation.After);
        Assert.Contains("spire-server entry update", rotation.Error, StringComparison.Ordinal);
        Assert.Equal(1, agent.OpenStreams);
        store.Want(new Dictionary<SpiffeId, string>());
        Assert.Empty(store.List());
        await UntilAsync(() => agent.OpenStreams == 0);
        await store.SettleAsync().WaitAsync(Patience);
        Assert.Contains("any more", (await store.RotateAsync(WebId, CancellationToken.None)).Error, StringComparison.Ordinal);
    }

    private static void Want(SpireSvidStore store) => store.Want(new Dictionary<SpiffeId, string> { [WebId] = "shop/web" });

    private static string? ErrorOf(SpireSvidStore store) => store.List() is [{ LastError: var error }, ..] ? error : null;

    private static Task UntilAsync(Func<bool> holds) => SocketExtensions.EventuallyAsync(holds);

    private static async Task<Svid> NextAsync(SpireSvidStore store, Action act)
    {
        TaskCompletionSource<Svid> changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        void On(Svid svid) => changed.TrySetResult(svid);
        store.Changed += On;
        act();
        Svid result = await changed.Task.WaitAsync(Patience);
        store.Changed -= On;
        return result;
    }

    private static async Task WithdrawnAsync(SpireSvidStore store, Action act)
    {
        TaskCompletionSource withdrawn = new(TaskCreationOptions.RunContinuationsAsynchronously);
        void On(SpiffeId id) => withdrawn.TrySetResult();
        store.Withdrawn += On;
        act();
        await withdrawn.Task.WaitAsync(Patience);
        store.Withdrawn -= On;
    }

    private T Own<T>(T part)
        where T : IAsyncDisposable
    {
        _owned.Add(part);
        return part;
    }

    private async Task<StandInSpireAgent> StartAgentAsync()
    {
        StandInSpireAgent agent = Own(new StandInSpireAgent(TrustDomain));
        await agent.StartAsync();
        return agent;
    }

    private SpireSvidStore Store(StandInSpireAgent agent, TimeProvider? time = null)
    {
        Assert.True(SpiffeEndpoint.TryParse($"unix://{agent.Socket}", out SpiffeEndpoint? endpoint, out _));
        using LineLogger logger = new(_lines);
        SpireSvidStore store = Own(new SpireSvidStore(endpoint, [], time ?? TimeProvider.System, logger, _metrics));
        store.Follow(TrustDomain);
        return store;
    }

    private (TlsIdentityTable Tls, TunnelTrust Trust) Table(SpireSvidStore store, TimeProvider? time = null, SpiffeId[]? ids = null)
    {
        using LineLogger logger = new(_lines);
        TlsIdentityTable tls = new(store, time ?? TimeProvider.System, logger);
        store.Changed += tls.Update;
        store.Withdrawn += tls.Withdraw;
        TunnelTrust trust = new(tls, store, logger);
        trust.Use(new TrustBundle(TrustDomain, []), (ids ?? [WebId]).ToHashSet());
        return (tls, trust);
    }

    private string Exposition() => _metrics.Registry.Render(openMetrics: false);
}

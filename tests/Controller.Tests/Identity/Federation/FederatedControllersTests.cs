using System.Net;
using Culvert.Controller.Identity.BuiltIn;
using Culvert.Controller.Identity.Federation;
using Culvert.Controller.Tests.Identity.Upstream;
using Culvert.Core;
using static Culvert.Controller.Tests.Identity.Federation.Bundles;

namespace Culvert.Controller.Tests.Identity.Federation;

/// <summary>Two real controllers that tell each other their bundles.</summary>
public sealed class FederatedControllersTests : IDisposable
{
    private readonly CaFiles _web = CaFiles.Make();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _web.Dispose();

    [Fact]
    public async Task BySpiffeEachKnowsTheOthersRootsAlsoWhenTheyAreReplaced()
    {
        await using Running one = await StartAsync("one.example"), two = await StartAsync("two.example");
        two.Folder.Replace("federation.yaml", Spiffe("one.example", one));
        one.Folder.Replace("federation.yaml", Spiffe("two.example", two));
        await UntilAsync(() => Knows(one, two) && Knows(two, one));

        // Agents are told with the mesh's own roots, and hear of another root before it signs.
        using FakeAgent agent = FakeAgent.OverSocket(one.Socket, "node-1");
        await agent.OpenAsync();
        await agent.NextAsync();
        Assert.Equal(Told(two), Roots(agent.Snapshot, "two.example"));
        await Assert.IsType<BuiltInCertificateAuthority>(two.Host.Authority).RotateRootAsync(signNow: false, Cancellation);
        await agent.NextAsync();
        Assert.Equal(2, two.Host.Authority.Roots.Length);
        Assert.Equal(Told(two), Roots(agent.Snapshot, "two.example"));

        // The server's certificate is below whichever root signs.
        await Assert.IsType<BuiltInCertificateAuthority>(two.Host.Authority).RotateRootAsync(signNow: true, Cancellation);
        await UntilAsync(() => Knows(one, two));

        // One that is named no more is gone from agents.
        one.Folder.Replace("federation.yaml", "trustDomain: third.example\nbundle: none.pem\n");
        await UntilAsync(() => one.Host.SnapshotFor("node-1").FederatedBundles.IsEmpty);
        while (!agent.Snapshot.FederatedBundles.IsEmpty) await agent.NextAsync();
    }

    [Fact]
    public async Task ByTheWebEachKnowsTheOthersRootsAndTheCertificateMayBeReplaced()
    {
        await using Running one = await StartAsync("one.example", isWeb: true), two = await StartAsync("two.example", isWeb: true);
        two.Folder.Replace("federation.yaml", Web("one.example", one));
        one.Folder.Replace("federation.yaml", Web("two.example", two));
        await UntilAsync(() => Knows(one, two) && Knows(two, one));
        using HttpClient client = Client();
        Assert.Equal("application/json", (await client.GetAsync(Url(one), Cancellation)).Content.Headers.ContentType?.MediaType);
    }

    [Fact]
    public async Task TheEndpointTellsTheBundleOnItsOneUrlAndNothingElse()
    {
        await using Running running = await StartAsync("one.example");
        using HttpClient client = Client();
        foreach (Version version in new[] { HttpVersion.Version11, HttpVersion.Version20 })
        {
            using HttpRequestMessage request = new(HttpMethod.Get, Url(running) + "?query") { Version = version, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
            using HttpResponseMessage response = await client.SendAsync(request, Cancellation);
            Assert.Equal((HttpStatusCode.OK, version), (response.StatusCode, response.Version));
            Assert.Equal("application/json", response.Content.Headers.ContentType!.ToString());
            BundleDocument told = BundleDocument.Read(await response.Content.ReadAsByteArrayAsync(Cancellation));
            Assert.Equal(Told(running), told.Roots.Select(r => Convert.ToHexString(r.Span)));
            Assert.Equal(TimeSpan.FromSeconds(100), told.RefreshHint);
            Assert.NotNull(told.Sequence);
        }
        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync(Url(running) + "bundle", Cancellation)).StatusCode);
        foreach (HttpMethod method in new[] { HttpMethod.Head, HttpMethod.Post, HttpMethod.Put, HttpMethod.Delete })
        {
            using HttpRequestMessage request = new(method, Url(running));
            using HttpResponseMessage response = await client.SendAsync(request, Cancellation);
            Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
        }
    }

    [Fact]
    public async Task TheSequenceRisesWithTheRootsAndSurvivesRestarts()
    {
        using TempFolder folder = new();
        Directory.CreateDirectory(folder.File("objects"));
        ControllerOptions options = Running.Options(folder) with { BundleEndpoint = new(new IPEndPoint(IPAddress.Loopback, 0)) };
        ulong first, second;
        await using (ControllerHost host = await ControllerHost.StartAsync(options, Cancellation)) first = await SequenceAsync(host);
        await using (ControllerHost host = await ControllerHost.StartAsync(options, Cancellation))
        {
            Assert.Equal(first, await SequenceAsync(host));
            await Assert.IsType<BuiltInCertificateAuthority>(host.Authority).RotateRootAsync(signNow: false, Cancellation);
            second = await SequenceAsync(host);
            Assert.True(second > first);
        }
        await using (ControllerHost host = await ControllerHost.StartAsync(options, Cancellation)) Assert.Equal(second, await SequenceAsync(host));
    }

    [Fact]
    public async Task ACertificateOfTheWebThatCanNotBeUsedKeepsAControllerFromStarting()
    {
        using TempFolder folder = new();
        Directory.CreateDirectory(folder.File("objects"));
        folder.Write("web.pem", _web.CertificatePem);
        folder.Write("web.key", "no key");
        ControllerOptions options = Running.Options(folder) with { BundleEndpoint = new(new IPEndPoint(IPAddress.Loopback, 0)) { CertificatePath = folder.File("web.pem"), KeyPath = folder.File("web.key") } };
        Assert.Contains("everybody may open", (await Assert.ThrowsAsync<InvalidDataException>(() => ControllerHost.StartAsync(options, Cancellation))).Message, StringComparison.Ordinal);
        File.SetUnixFileMode(folder.File("web.key"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.Contains("are no certificate and its key", (await Assert.ThrowsAsync<InvalidDataException>(() => ControllerHost.StartAsync(options, Cancellation))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PoliciesMayNameIdentitiesOfFederatedDomainsWithoutAWarning()
    {
        await using Running running = await StartAsync("one.example");
        running.Write("policy.yaml", """
            apiVersion: v1
            kind: Namespace
            metadata: {name: shop, labels: {culvert.dev/mesh: enabled}}
            ---
            apiVersion: culvert.dev/v1alpha1
            kind: AuthorizationPolicy
            metadata: {name: partner, namespace: shop}
            spec: {action: ALLOW, rules: [{from: [{identities: ['spiffe://two.example/ns/a/sa/b']}]}]}
            """);
        await UntilAsync(() => Doubts(running) == 1);
        running.Folder.Write("two.pem", _web.CertificatePem);
        running.Folder.Replace("federation.yaml", "trustDomain: two.example\nbundle: two.pem\n");
        await UntilAsync(() => Doubts(running) == 0);

        // Of another trust domain nobody is allowed by what is true of others as well.
        Assert.DoesNotContain(running.Host.Warnings, w => w.Reason.Contains("allows nobody", StringComparison.Ordinal));
        running.Write("half.yaml", """
            apiVersion: culvert.dev/v1alpha1
            kind: AuthorizationPolicy
            metadata: {name: half, namespace: shop}
            spec: {action: ALLOW, rules: [{from: [{identities: ['spiffe://two*']}]}]}
            """);
        await UntilAsync(() => running.Host.Warnings.Any(w => w.Reason.Contains("'spiffe://two*' allows nobody", StringComparison.Ordinal) && w.Reason.Contains("'spiffe://two.example/*' does", StringComparison.Ordinal)));

        static int Doubts(Running running) => running.Host.Warnings.Count(w => w.Reason.Contains("of another trust domain", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(300, 100)]
    [InlineData(0, 60)]
    [InlineData(86_400, 300)]
    public void OthersAreToAskMoreOftenThanANewRootWaits(int activation, int hint) => Assert.Equal(TimeSpan.FromSeconds(hint), BundlePublication.HintFor(TimeSpan.FromSeconds(activation)));

    private async Task<Running> StartAsync(string trustDomain, bool isWeb = false)
    {
        TimeSpan soon = TimeSpan.FromMilliseconds(50);
        return await Running.StartAsync(
            folder =>
            {
                folder.Write("objects/mesh.yaml", $"apiVersion: culvert.dev/v1alpha1\nkind: MeshConfig\nmetadata: {{name: default}}\nspec: {{trustDomain: {trustDomain}}}\n");
                folder.Write("federation.yaml", "# nobody yet\n");
                using CaFiles server = Bundles.WebServer(_web, "localhost");
                folder.Write("web.pem", server.CertificatePem);
                folder.Write("web.key", server.KeyPem);
                folder.Write("web-roots.pem", _web.CertificatePem);
                File.SetUnixFileMode(folder.File("web.key"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
            },
            options => options with
            {
                Federation = new() { Path = Path.Combine(Path.GetDirectoryName(options.StateFolder)!, "federation.yaml"), Look = soon, Interval = soon, Shortest = soon, Longest = soon, EmptyFor = soon },
                BundleEndpoint = new(new IPEndPoint(IPAddress.Loopback, 0))
                {
                    CertificatePath = isWeb ? Path.Combine(Path.GetDirectoryName(options.StateFolder)!, "web.pem") : null,
                    KeyPath = isWeb ? Path.Combine(Path.GetDirectoryName(options.StateFolder)!, "web.key") : null,
                },
            });
    }

    private static string Url(Running running) => $"https://localhost:{running.Host.BundleEndPoint!.Port}/";

    private static string Spiffe(string trustDomain, Running other) =>
        $"trustDomain: {trustDomain}\nbundle: {other.Folder.File("state/roots.pem")}\nbundleEndpoint: {{url: '{Url(other)}', profile: https_spiffe, spiffeId: 'spiffe://{trustDomain}/culvert/controller'}}\n";

    private static string Web(string trustDomain, Running other) => $"trustDomain: {trustDomain}\nbundleEndpoint: {{url: '{Url(other)}', profile: https_web, webRoots: web-roots.pem}}\n";

    private static bool Knows(Running who, Running whom)
    {
        string trustDomain = whom.Host.SnapshotFor("node-1").TrustBundle.TrustDomain;
        return Told(whom).SequenceEqual(Roots(who.Host.SnapshotFor("node-1"), trustDomain));
    }

    private static IEnumerable<string> Told(Running running) => running.Host.Authority.Roots.Select(r => Convert.ToHexString(r.Span));

    private static IEnumerable<string> Roots(NodeSnapshot snapshot, string trustDomain) => snapshot.FederatedBundles.Items.Where(b => b.TrustDomain == trustDomain).SelectMany(b => b.Roots).Select(r => Convert.ToHexString(r.Span));

    private static async Task<ulong> SequenceAsync(ControllerHost host)
    {
        using HttpClient client = Client();
        return BundleDocument.Read(await client.GetByteArrayAsync($"https://localhost:{host.BundleEndPoint!.Port}/", Cancellation)).Sequence!.Value;
    }

    private static HttpClient Client() => new(new SocketsHttpHandler { SslOptions = new() { RemoteCertificateValidationCallback = (_, _, _, _) => true } }, disposeHandler: true);
}

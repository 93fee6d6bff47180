using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Controller.Identity.Federation;
using Culvert.Controller.Tests.Identity.Upstream;
using Culvert.Core;
using Culvert.Protocol;
using Culvert.Tests.Shared;
using Microsoft.Extensions.Logging;
using static Culvert.Controller.Tests.Identity.Federation.Bundles;

namespace Culvert.Controller.Tests.Identity.Federation;

/// <summary>Bundles of other trust domains that come from their endpoints and from files, change, and can't be had.</summary>
public sealed class FederationKeeperTests : IAsyncDisposable
{
    private const string Server = "spiffe://partner.example/spire/server";
    private const string Unavailable = "HTTP/1.1 503 Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

    private readonly TempFolder _folder = new();
    private readonly ConcurrentQueue<string> _said = new();
    private readonly CaFiles _web = CaFiles.Make(), _root = CaFiles.Make(), _next = CaFiles.Make(), _own = CaFiles.Make();
    private readonly BundleSite _site;
    private readonly FederatedBundles _bundles = new();
    private readonly FederationMetrics _metrics = new();
    private FederationKeeper? _keeper;

    public FederationKeeperTests()
    {
        _folder.Write("roots.pem", _web.CertificatePem);
        using CaFiles server = Bundles.WebServer(_web, "localhost");
        _site = new(server);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await _site.DisposeAsync();
        _metrics.Dispose();
        foreach (CaFiles files in new[] { _web, _root, _next, _own }) files.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task ABundleComesFromItsEndpointAndChangesWithIt()
    {
        _site.Tell(Bundles.Json(1, 300, _root));
        await StartAsync(Web());
        await UntilAsync(Has(_root));
        Assert.DoesNotContain(_site.Requests, r => r.StartsWith("with a certificate", StringComparison.Ordinal));
        Assert.StartsWith("GET / HTTP/1.1", _site.Requests.First(), StringComparison.Ordinal);

        // The new root beside the old one, then alone; in between another order, which is no change.
        _site.Tell(Bundles.Json(2, 300, _root, _next));
        await UntilAsync(Has(_root, _next));
        int changes = 0;
        _bundles.Changed += () => changes++;
        _site.Tell(Bundles.Json(3, 300, _next, _root));
        await AskedAsync();
        Assert.Equal(0, changes);
        _site.Tell(Bundles.Json(4, 300, _next));
        await UntilAsync(Has(_next));
        Assert.Equal(1, changes);
    }

    [Fact]
    public async Task NoKeysAreBelievedAndRevokeAll()
    {
        _site.Tell(Bundles.Json(1, null, _root));
        await StartAsync(Web());
        await UntilAsync(Has(_root));
        _site.Tell("""{"keys": [], "spiffe_sequence": 2}""");
        await UntilAsync(Has());
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task ASequenceThatGoesBackIsNotTaken()
    {
        _site.Tell(Bundles.Json(7, null, _next));
        await StartAsync(Web());
        await UntilAsync(Has(_next));
        _site.Tell(Bundles.Json(6, null, _root));
        await UntilAsync(() => _said.Any(l => l.Contains("its sequence is 6, and that of the one in force 7", StringComparison.Ordinal)));
        await AskedAsync();
        Assert.True(Has(_next)());

        // Said once, and no more when it goes on.
        Assert.Single(_said, l => l.Contains("its sequence is 6", StringComparison.Ordinal));
        _site.Tell(Bundles.Json(8, null, _root));
        await UntilAsync(Has(_root));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task NeitherNoSequenceAfterSomeNorOtherKeysWithTheSameAreTaken()
    {
        _site.Tell(Bundles.Json(7, null, _next));
        await StartAsync(Web());
        await UntilAsync(Has(_next));
        _site.Tell(Bundles.Json(null, null, _root));
        await UntilAsync(() => _said.Any(l => l.Contains("it has no sequence, and the one in force 7", StringComparison.Ordinal)));
        _site.Tell(Bundles.Json(7, null, _root));
        await UntilAsync(() => _said.Any(l => l.Contains("its sequence is 7, as that of the one in force, and its keys are others", StringComparison.Ordinal)));
        await AskedAsync();
        Assert.True(Has(_next)());

        // Nor has what was refused lowered what counts.
        _site.Tell(Bundles.Json(6, null, _root));
        await UntilAsync(() => _said.Any(l => l.Contains("its sequence is 6", StringComparison.Ordinal)));
        _site.Tell(Bundles.Json(7, 60, _next));
        await AskedAsync();
        Assert.True(Has(_next)());
        _site.Tell(Bundles.Json(8, null, _root));
        await UntilAsync(Has(_root));
    }

    [Fact]
    public async Task WithoutSequencesWhatIsToldLastCounts()
    {
        _site.Tell(Bundles.Json(null, null, _root));
        await StartAsync(Web());
        await UntilAsync(Has(_root));
        _site.Tell(Bundles.Json(null, null, _next));
        await UntilAsync(Has(_next));
        _site.Tell(Bundles.Json(1, null, _root));
        await UntilAsync(Has(_root));
    }

    [Fact]
    public async Task ARootThatEndsIsNoOtherKeyOfTheSameSequence()
    {
        using CaFiles ending = CaFiles.Make(shape: new() { Left = TimeSpan.FromSeconds(3) });
        _site.Tell(Bundles.Json(1, null, ending, _root));
        await StartAsync(Web());
        await UntilAsync(Has(ending, _root));
        await UntilAsync(Has(_root));
        await AskedAsync();
        Assert.DoesNotContain(_said, l => l.Contains("its keys are others", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task ADomainWithMoreRootsThanNodesShouldHaveIsNotTakenAndOthersAre()
    {
        using CaFiles web = Bundles.WebServer(_web, "localhost");
        await using BundleSite other = new(web);
        other.Tell(Bundles.Json(1, null, _next));
        _site.Tell(Bundles.Json(1, null, _root));
        await StartAsync(Web() + $"---\ntrustDomain: third.example\nbundleEndpoint: {{url: '{other.Url}', profile: https_web, webRoots: roots.pem}}\n");
        await UntilAsync(() => _bundles.All.Count == 2);
        CaFiles[] many = [.. Enumerable.Range(0, BundleDocument.MostRoots + 1).Select(_ => CaFiles.Make())];
        _site.Tell(Bundles.Json(2, null, many));
        await UntilAsync(() => _said.Any(l => l.Contains($"it has {BundleDocument.MostRoots + 1} roots", StringComparison.Ordinal)));
        other.Tell(Bundles.Json(2, null, _own));
        await UntilAsync(() => _bundles.All[1].Roots is [var root] && root.Span.SequenceEqual(_own.Certificate.RawData));
        Assert.Equal(_root.Certificate.RawData, Assert.Single(_bundles.All[0].Roots).ToArray());

        // As long ones are.
        using CaFiles large = CaFiles.Make(shape: new() { Others = [new X509Extension("1.2.3.4", new byte[BundleDocument.MostRootBytes], critical: false)] });
        _site.Tell(Bundles.Json(3, null, large));
        await UntilAsync(() => _said.Any(l => l.Contains("it has 1 roots of ", StringComparison.Ordinal)));
        foreach (CaFiles one in many) one.Dispose();
    }

    [Fact]
    public async Task AKeyThatCanNotBeUsedIsLeftOutAndSaidAndNoKeyThatCanIsNoRevocation()
    {
        using CaFiles leaf = CaFiles.Make(_root, shape: new() { IsAuthority = false });
        string Key(CaFiles of) => $$"""{"use":"x509-svid","kty":"EC","x5c":["{{Convert.ToBase64String(of.Certificate.RawData)}}"]}""";
        _site.Tell($$"""{"keys": [{{Key(leaf)}}, {{Key(_root)}}], "spiffe_sequence": 1}""");
        await StartAsync(Web());
        await UntilAsync(Has(_root));
        await AskedAsync();
        Assert.Single(_said, l => l.Contains("has keys[0], whose certificate is no authority's", StringComparison.Ordinal));

        // However many there are, the line is short.
        CaFiles[] leaves = [.. Enumerable.Range(0, 20).Select(_ => CaFiles.Make(_root, shape: new() { IsAuthority = false }))];
        _site.Tell($$"""{"keys": [{{string.Join(',', leaves.Select(Key))}}, {{Key(_root)}}], "spiffe_sequence": 1}""");
        await UntilAsync(() => _said.Any(l => l.Contains("keys[7], whose certificate is no authority's; and 12 more", StringComparison.Ordinal)));
        Assert.DoesNotContain(_said, l => l.Contains("keys[8]", StringComparison.Ordinal));
        foreach (CaFiles one in leaves) one.Dispose();
        _site.Tell($$"""{"keys": [{{Key(leaf)}}], "spiffe_sequence": 2}""");
        await UntilAsync(() => _said.Any(l => l.Contains("none of its keys for X.509-SVIDs can be used", StringComparison.Ordinal)));
        Assert.True(Has(_root)());
    }

    [Fact]
    public async Task ABundleWithKeysThatHaveNoNameIsKeptAsOthersAre()
    {
        using CaFiles odd = CaFiles.Make(key: ECDsa.Create(ECCurve.CreateFromValue("1.3.132.0.33")));
        _site.Tell($$"""{"keys": [{"use":"x509-svid","kty":"EC","x5c":["{{Convert.ToBase64String(odd.Certificate.RawData)}}"]}], "spiffe_sequence": 1}""");
        await StartAsync(Web());
        await UntilAsync(Has(odd));
        await StopAsync();
        _site.Answer = _ => "";
        Assert.Equal(odd.Certificate.RawData, Assert.Single(Assert.Single((await RestartAsync()).All).Roots).ToArray());
    }

    [Theory]
    [Trait("Category", "Attack")]
    [InlineData("system")]
    [InlineData("file")]
    [InlineData("spiffe")]
    public async Task NobodyIsAskedForCertificatesThatAServerNames(string roots)
    {
        // Whoever stands in the endpoint's place could have the controller reach what only it can: the server's certificate says where the one above is to be had.
        using TcpListener inside = new(IPAddress.Loopback, 0);
        inside.Start();
        X509AuthorityInformationAccessExtension named = new(null, [$"http://127.0.0.1:{((IPEndPoint)inside.LocalEndpoint).Port}/above.cer"]);
        using CaFiles above = CaFiles.Make(_root), shown = roots == "spiffe" ? Bundles.Svid(above, Server, named) : Bundles.WebServer(above, "localhost", named);
        _site.Show(shown);
        _site.Tell(Bundles.Json(2, null, _next));
        await StartAsync(roots switch
        {
            "system" => $"trustDomain: partner.example\nbundleEndpoint: {{url: '{_site.Url}', profile: https_web}}\n",
            "file" => Web(),
            _ => SpiffeFile(),
        });
        await UntilAsync(() => _said.Any(l => l.Contains("can't be taken from https://", StringComparison.Ordinal)));
        Assert.Equal(0, _site.Asked);
        Assert.False(inside.Pending());
    }

    [Fact]
    public async Task ASpiffeServerMayLeadToAnAuthorityThatIsNoRoot()
    {
        using CaFiles below = CaFiles.Make(_root);
        _folder.Write("first.pem", below.CertificatePem);
        Spiffe(below, Server);
        _site.Tell(Bundles.Json(1, null, below, _next));
        await StartAsync($"trustDomain: partner.example\nbundleEndpoint: {{url: '{_site.Url}', profile: https_spiffe, spiffeId: {Server}}}\nbundle: first.pem\n");
        await UntilAsync(Has(below, _next));

        // What is above it is not meant.
        Spiffe(_root, Server);
        await UntilAsync(() => _said.Any(l => l.Contains("does not lead to the bundle of partner.example", StringComparison.Ordinal)));
    }

    public static TheoryData<string, string> Nonsense => new()
    {
        { "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nnonsense", "the answer is no JSON" },
        { "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 200000000\r\n\r\n{", "has more than" },
        { "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{large}", "has more than" },
        { "HTTP/1.1 200 OK\r\nx: {long}\r\nconnection: close\r\n\r\n", "its head is too long" },
        { "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", "the answer is 404" },
        { "HTTP/1.1 307 Temporary Redirect\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", "without a place to ask instead" },
        { BundleSite.Redirect("http://localhost/"), "does not begin with https://" },
        { BundleSite.Redirect("https://me:secret@localhost/"), "user name or password" },
        { BundleSite.Redirect("/"), "more than 5 times" },
        { "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{", "no whole answer within" },
        { "", "no whole answer within" },
    };

    [Theory, MemberData(nameof(Nonsense))]
    [Trait("Category", "Attack")]
    public async Task WhatIsNoBundleLeavesTheOneBefore(string answer, string reason)
    {
        _site.Tell(Bundles.Json(1, null, _root));
        await StartAsync(Web());
        await UntilAsync(Has(_root));
        string whole = answer.Replace("{large}", new string(' ', BundleDocument.MostBytes + 10), StringComparison.Ordinal).Replace("{long}", new string('x', 40_000), StringComparison.Ordinal);
        _site.Answer = _ => whole;
        await UntilAsync(() => _said.Any(l => l.Contains(reason, StringComparison.Ordinal)));
        Assert.True(Has(_root)());
        _site.Tell(Bundles.Json(2, null, _next));
        await UntilAsync(Has(_next));
        Assert.Contains(_said, l => l.Contains("can be taken from", StringComparison.Ordinal) && l.Contains("again", StringComparison.Ordinal));
    }

    [Fact]
    public async Task RedirectsAreFollowedWithTheSameChecksAndNotRemembered()
    {
        using CaFiles certificate = Bundles.WebServer(_web, "localhost"), stranger = Bundles.WebServer(_web, "elsewhere.example");
        await using BundleSite target = new(certificate);
        target.Tell(Bundles.Json(1, null, _root));
        _site.Answer = _ => BundleSite.Redirect(target.Url + "bundle");
        await StartAsync(Web());
        await UntilAsync(Has(_root));
        int asked = _site.Asked;
        await AskedAsync();
        Assert.True(_site.Asked > asked);
        Assert.Contains(target.Requests, r => r.StartsWith("GET /bundle ", StringComparison.Ordinal));
        target.Show(stranger);
        await UntilAsync(() => _said.Any(l => l.Contains("can't be taken", StringComparison.Ordinal)));
        target.Tell(Bundles.Json(2, null, _next));
        await AskedAsync();
        Assert.True(Has(_root)());
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task AWebServerWithAnotherNameOrOfAnotherAuthorityIsNotBelieved()
    {
        using CaFiles elsewhere = Bundles.WebServer(_web, "elsewhere.example"), untrusted = Bundles.WebServer(_own, "localhost"), right = Bundles.WebServer(_web, "localhost");
        _site.Tell(Bundles.Json(1, null, _root));
        foreach (CaFiles shown in new[] { elsewhere, untrusted })
        {
            _site.Show(shown);
            _said.Clear();
            await StartAsync(Web());
            await UntilAsync(() => _said.Any(l => l.Contains("can't be taken", StringComparison.Ordinal)));
            Assert.Empty(_bundles.All);
            await StopAsync();
        }
        Assert.Equal(0, _site.Asked);
        _site.Show(right);
        await StartAsync(Web());
        await UntilAsync(Has(_root));
    }

    [Fact]
    public async Task ASpiffeServerIsKnownByItsIdentityWhichTheBundleOfAFileProvesFirst()
    {
        Spiffe(_root, Server);
        _site.Tell(Bundles.Json(3, null, _root, _next));
        await StartAsync(SpiffeFile());
        await UntilAsync(Has(_root, _next));

        // What was told proves it from then on: also a server below a root that the file does not have.
        Spiffe(_next, Server);
        _site.Tell(Bundles.Json(4, null, _next));
        await UntilAsync(Has(_next));
        Spiffe(_root, Server);
        await UntilAsync(() => _said.Any(l => l.Contains("does not lead to the bundle of partner.example", StringComparison.Ordinal)));
        Assert.True(Has(_next)());
    }

    [Theory]
    [InlineData("spiffe://partner.example/other", "the server is spiffe://partner.example/other, and spiffe://partner.example/spire/server is meant")]
    [InlineData("spiffe://other.example/spire/server", "the server is spiffe://other.example/spire/server")]
    [InlineData("spiffe://partner.example", "empty segment")]
    [InlineData("https://partner.example/spire/server", "no SPIFFE ID")]
    [Trait("Category", "Attack")]
    public async Task ASpiffeServerThatIsAnotherIsNotBelieved(string shown, string reason)
    {
        Spiffe(_root, shown);
        _site.Tell(Bundles.Json(3, null, _root, _next));
        await StartAsync(SpiffeFile());
        await UntilAsync(() => _said.Any(l => l.Contains(reason, StringComparison.Ordinal)));
        Assert.True(Has(_root)());
        Assert.Equal(0, _site.Asked);
    }

    [Fact]
    public async Task AServerOfAnotherDomainIsProvenByThatDomainsBundle()
    {
        Spiffe(_own, "spiffe://cluster.local/bundles");
        _site.Tell(Bundles.Json(1, null, _root));
        await StartAsync($"trustDomain: partner.example\nbundleEndpoint: {{url: '{_site.Url}', profile: https_spiffe, spiffeId: 'spiffe://cluster.local/bundles'}}\n");
        await UntilAsync(Has(_root));
        await StopAsync();
        _said.Clear();
        await StartAsync($"trustDomain: third.example\nbundleEndpoint: {{url: '{_site.Url}', profile: https_spiffe, spiffeId: 'spiffe://unknown.example/bundles'}}\n");
        await UntilAsync(() => _said.Any(l => l.Contains("no bundle of unknown.example is known that could prove it", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task WhatWasToldSurvivesARestartWhileNobodyAnswers()
    {
        _site.Tell(Bundles.Json(9, 300, _root));
        await StartAsync(Web());
        await UntilAsync(Has(_root));
        await StopAsync();
        _site.Answer = _ => Unavailable;
        FederatedBundles after = await RestartAsync();
        Assert.Equal(_root.Certificate.RawData, Assert.Single(Assert.Single(after.All).Roots).ToArray());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_folder.File("federation/partner.example.json")));

        // Nor is an older one believed then.
        _site.Tell(Bundles.Json(8, 300, _next));
        await UntilAsync(() => _said.Any(l => l.Contains("its sequence is 8", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task DamageOfWhatIsKeptIsSaidAndTheEndpointAskedAnew()
    {
        _folder.Write("federation/partner.example.json", "{}");
        File.SetUnixFileMode(_folder.File("federation"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.SetUnixFileMode(_folder.File("federation/partner.example.json"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        _site.Tell(Bundles.Json(1, null, _root));
        await StartAsync(Web());
        await UntilAsync(Has(_root));
        Assert.Contains(_said, l => l.Contains("partner.example.json' is damaged", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task AfterDamageTheFirstBundleIsNotInForceAgainBeforeTheEndpointWasAsked()
    {
        Spiffe(_root, Server);
        _site.Tell(Bundles.Json(5, null, _root, _next));
        await StartAsync(SpiffeFile());
        await UntilAsync(Has(_root, _next));
        _site.Tell(Bundles.Json(6, null, _next));
        await UntilAsync(Has(_next));
        await StopAsync();

        // The file's root, which was withdrawn since, proves the server, and nothing else.
        File.WriteAllText(_folder.File("federation/partner.example.json"), "{}");
        FederatedBundles after = new();
        List<string> seen = [];
        after.Changed += () => seen.Add(string.Join(' ', after.All.SelectMany(b => b.Roots).Select(r => Convert.ToHexString(r.Span))));
        _keeper = Keeper(after);
        await _keeper.StartAsync(Cancellation);
        Assert.Contains(_said, l => l.Contains("is damaged", StringComparison.Ordinal));
        Assert.Equal(Convert.ToHexString(_next.Certificate.RawData), Assert.Single(seen));
    }

    [Fact]
    public async Task AStartWaitsForTheFirstAnswersWhereNothingIsKnownAndNotForLong()
    {
        _site.Tell(Bundles.Json(1, null, _root));
        await StartAsync(Web());
        Assert.True(Has(_root)());
        await StopAsync();
        Directory.Delete(_folder.File("federation"), recursive: true);
        _site.Answer = _ => "";
        FederatedBundles without = new();
        _keeper = Keeper(without, o => o with { FirstAnswer = TimeSpan.FromMilliseconds(100), Patience = TimeSpan.FromMinutes(5) });
        await _keeper.StartAsync(Cancellation);
        Assert.Empty(without.All);
        Assert.Equal("partner.example", Assert.Single(without.TrustDomains));
        await StopAsync();

        // Where a file says something that is what counts then.
        _keeper = Keeper(without, o => o with { FirstAnswer = TimeSpan.FromMilliseconds(100), Patience = TimeSpan.FromMinutes(5) });
        _folder.Write("f.yaml", SpiffeFile());
        await _keeper.StartAsync(Cancellation);
        Assert.Equal(_root.Certificate.RawData, Assert.Single(Assert.Single(without.All).Roots).ToArray());
    }

    [Fact]
    public async Task WhatAnotherControllerHasBeenToldSinceIsTakenAndNothingOlder()
    {
        OthersStore store = new();
        _site.Tell(Bundles.Json(5, null, _root));
        _folder.Write("f.yaml", Web());
        _keeper = Keeper(_bundles, store: store);
        await _keeper.StartAsync(Cancellation);
        await UntilAsync(Has(_root));
        store.Others = new(new() { Roots = [_next.Certificate.RawData], Sequence = 4 }, null, 4, DateTimeOffset.UtcNow.AddHours(1));
        await AskedAsync();
        Assert.True(Has(_root)());
        store.Others = store.Others with { Floor = 6, Document = store.Others.Document with { Sequence = 6 } };
        await UntilAsync(Has(_next));

        // The endpoint that this one has asked lags behind.
        await UntilAsync(() => _said.Any(l => l.Contains("its sequence is 5, and that of the one in force 6", StringComparison.Ordinal)));
        Assert.True(Has(_next)());
        store.Others = store.Others with { FileDigest = "of a file that is not here", Floor = 9 };
        _site.Tell(Bundles.Json(7, null, _own));
        await UntilAsync(Has(_own));
    }

    [Fact]
    public async Task WhatIsNamedNoMoreAtAStartIsKeptNoMore()
    {
        _site.Tell(Bundles.Json(7, null, _root));
        await StartAsync(Web());
        await UntilAsync(Has(_root));
        await StopAsync();
        string kept = _folder.File("federation/partner.example.json");
        Assert.True(File.Exists(kept));

        // A file with nothing in it may be one that is being written.
        _folder.Write("f.yaml", "");
        await RestartAsync();
        await StopAsync();
        Assert.True(File.Exists(kept));
        using FederationKeeper without = Keeper(new(), o => o with { Path = null });
        await without.StartAsync(Cancellation);
        Assert.False(File.Exists(kept));
    }

    [Fact]
    public async Task ABundleByHandTakesThePlaceOfWhatWasToldAlsoWithALowerSequence()
    {
        Spiffe(_root, Server);
        _site.Tell(Bundles.Json(50, null, _root));
        await StartAsync(SpiffeFile());
        await UntilAsync(() => Has(_root)() && _site.Asked > 0);

        // The trust domain is set up anew: only the file can say so.
        Spiffe(_next, Server);
        _site.Tell(Bundles.Json(1, null, _next, _own));
        await UntilAsync(() => _said.Any(l => l.Contains("does not lead to the bundle", StringComparison.Ordinal)));
        _folder.Replace("first.pem", _next.CertificatePem);
        await UntilAsync(Has(_next, _own));
    }

    [Fact]
    public async Task ABundleMayComeByAFileAlone()
    {
        _folder.Write("b.json", Bundles.Json(1, null, _root));
        await StartAsync("trustDomain: partner.example\nbundle: b.json\n");
        Assert.True(Has(_root)());
        _folder.Replace("b.json", "{");
        await UntilAsync(() => _said.Any(l => l.Contains("b.json is no JSON", StringComparison.Ordinal)));
        Assert.True(Has(_root)());
        CaFiles[] many = [.. Enumerable.Range(0, BundleDocument.MostRoots + 1).Select(_ => CaFiles.Make())];
        _folder.Replace("b.json", Bundles.Json(1, null, many));
        await UntilAsync(() => _said.Any(l => l.Contains("b.json has a bundle that can't be used: it has 65 roots", StringComparison.Ordinal)));
        Assert.True(Has(_root)());
        foreach (CaFiles one in many) one.Dispose();
        _folder.Replace("b.json", Bundles.Json(1, null, _next));
        await UntilAsync(Has(_next));

        // Who is to be believed no more at once.
        _folder.Replace("b.json", """{"keys": []}""");
        await UntilAsync(Has());
    }

    [Fact]
    public async Task DomainsComeAndGoWithTheFile()
    {
        _folder.Write("b.json", Bundles.Json(1, null, _root));
        const string first = "trustDomain: partner.example\nbundle: b.json\n", second = "trustDomain: third.example\nbundle: b.json\n";
        await StartAsync(first);
        _folder.Replace("f.yaml", first + "---\n" + second);
        await UntilAsync(() => _bundles.All.Count == 2);

        // A mistake in one is one of that one, and what was said of it holds.
        _folder.Replace("f.yaml", "trustDomain: partner.example\n---\n" + second);
        await UntilAsync(() => _said.Any(l => l.Contains("f.yaml:1: partner.example: bundleEndpoint: is required", StringComparison.Ordinal)));
        Assert.Equal(["partner.example", "third.example"], _bundles.All.Select(b => b.TrustDomain));

        // One that can't be named may be any.
        _folder.Replace("f.yaml", "trustDomain: [\n---\n" + second);
        await UntilAsync(() => _said.Any(l => l.Contains("not valid YAML", StringComparison.Ordinal)));
        Assert.Equal(2, _bundles.All.Count);

        // A file with nothing in it, or without one, is no order to end all.
        _folder.Replace("f.yaml", "");
        await UntilAsync(() => _said.Count(l => l.Contains("any more; where it still does not after 30 s", StringComparison.Ordinal)) == 2);
        File.Delete(_folder.File("f.yaml"));
        await UntilAsync(() => _said.Any(l => l.Contains("f.yaml can't be read", StringComparison.Ordinal)));
        Assert.Equal(2, _bundles.All.Count);

        // Nor is one that lacks some, as it may be half of what is being written.
        _said.Clear();
        _folder.Write("f.yaml", second);
        await UntilAsync(() => _said.Any(l => l.Contains("f.yaml does not name partner.example any more", StringComparison.Ordinal)));
        Assert.Equal(2, _bundles.All.Count);
    }

    [Theory]
    [InlineData("# nobody any more\n", 0)]
    [InlineData("trustDomain: third.example\nbundle: b.json\n", 1)]
    public async Task WhomAFileDoesNotNameForAWhileHasLeft(string then, int left)
    {
        ManualTime time = new(DateTimeOffset.UtcNow);
        _folder.Write("b.json", Bundles.Json(1, null, _root));
        const string first = "trustDomain: partner.example\nbundle: b.json\n";
        _folder.Write("f.yaml", first);
        _keeper = Keeper(_bundles, time: time);
        await _keeper.StartAsync(Cancellation);
        Assert.Single(_bundles.All);

        // For a moment, twice.
        foreach (string file in new[] { then, first, then })
        {
            _folder.Replace("f.yaml", file);
            await LookAsync(time);
            time.Advance(TimeSpan.FromSeconds(20));
        }
        await LookAsync(time);
        Assert.Contains("partner.example", _bundles.TrustDomains);
        time.Advance(TimeSpan.FromSeconds(10));
        await LookAsync(time);
        Assert.Equal(left, _bundles.All.Count);
        Assert.DoesNotContain("partner.example", _bundles.TrustDomains);
        Assert.False(File.Exists(_folder.File("federation/partner.example.json")));
        Assert.Contains(_said, l => l.Contains("not federated with partner.example any more", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task AFileThatIsReadForTheFirstTimeAfterTheEndpointHasAnsweredLowersNothing()
    {
        // What it brings has been withdrawn since.
        _site.Tell(Bundles.Json(9, null, _next));
        await StartAsync(Web() + "bundle: late.json\n");
        await UntilAsync(Has(_next));
        _folder.Write("late.json", Bundles.Json(3, null, _root));
        string kept = _folder.File("federation/partner.example.json");
        await UntilAsync(() => !File.ReadAllText(kept).Contains(KeptBundle.UnreadFile, StringComparison.Ordinal));
        _site.Tell(Bundles.Json(8, null, _root));
        await UntilAsync(() => _said.Any(l => l.Contains("its sequence is 8, and that of the one in force 9", StringComparison.Ordinal)));
        Assert.True(Has(_next)());
        await StopAsync();
        await StartAsync(Web() + "bundle: late.json\n");
        Assert.True(Has(_next)());

        // Another one is meant to count, and so is one that is named only now.
        _site.Answer = _ => Unavailable;
        _folder.Replace("late.json", Bundles.Json(4, null, _own));
        await UntilAsync(Has(_own));
        _folder.Write("named.json", Bundles.Json(5, null, _root));
        _folder.Replace("f.yaml", Web() + "bundle: named.json\n");
        await UntilAsync(Has(_root));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task ADirectAnswerIsLaterThanWhatAControllerWhoseClockIsAheadHasTold()
    {
        KeptBundle ahead = new(new() { Roots = [_root.Certificate.RawData] }, null, null, DateTimeOffset.UtcNow.AddHours(1));
        OthersStore store = new() { Others = ahead };
        _site.Tell(Bundles.Json(null, null, _next));
        _folder.Write("f.yaml", Web());
        _keeper = Keeper(_bundles, store: store);
        await _keeper.StartAsync(Cancellation);
        await UntilAsync(Has(_next));
        await AskedAsync();
        await AskedAsync();
        Assert.True(Has(_next)());
        Assert.True(ahead.IsOlderThan(store.Saved!));
        Assert.DoesNotContain(_said, l => l.Contains("from another controller", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task APartThatAnotherControllerKeepsTakesNothingAwayThatIsNotAndTheRestIsAskedFor()
    {
        // What has left is not in it; of the others this one has one, and asks for the other.
        ManualTime time = new(DateTimeOffset.UtcNow);
        OthersStore store = new();
        _site.Tell(Bundles.Json(5, 3600, _root, _own));
        _folder.Write("f.yaml", Web());
        _keeper = Keeper(_bundles, o => o with { Longest = TimeSpan.FromHours(1), Patience = Patience }, store, time);
        await _keeper.StartAsync(Cancellation);
        Assert.True(Has(_root, _own)());
        _site.Tell(Bundles.Json(6, 3600, _own, _next));
        KeptBundle whole = new(new() { Roots = [_own.Certificate.RawData, _next.Certificate.RawData], Sequence = 6 }, null, 6, time.GetUtcNow());
        int asked = _site.Asked;
        store.Others = whole with { Document = new() { Sequence = 6 }, Missing = [.. whole.Document.Roots.Select(CertificateFingerprint.Of)] };
        await LookAsync(time);
        await UntilAsync(() => _site.Asked > asked && Has(_own, _next)());
        Assert.DoesNotContain(_said, l => l.Contains("its keys are others", StringComparison.Ordinal));
    }

    [Theory]
    [Trait("Category", "Attack")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AStartAsksFirstWhereAPartIsKnownOrNobodyHasNamedTheDomainForAWhile(bool isPart)
    {
        KeptBundle whole = new(new() { Roots = [_own.Certificate.RawData, _next.Certificate.RawData], Sequence = 6 }, null, 6, DateTimeOffset.UtcNow);
        KeptBundle part = whole with { Document = new() { Roots = [_own.Certificate.RawData], Sequence = 6 }, Missing = [CertificateFingerprint.Of(_next.Certificate.RawData)] };
        OthersStore store = new() { Loaded = isPart ? part : whole with { NotNamedSince = DateTimeOffset.UtcNow } };
        _site.Tell(isPart ? Bundles.Json(6, null, _own, _next) : Bundles.Json(7, null, _next));
        _folder.Write("f.yaml", Web());
        int changes = 0;
        _bundles.Changed += () => changes++;
        _keeper = Keeper(_bundles, store: store);
        await _keeper.StartAsync(Cancellation);
        Assert.True(isPart ? Has(_own, _next)() : Has(_next)());
        Assert.Equal(1, changes);
    }

    [Fact]
    public async Task WhatAFileDoesNotNameAtAStartIsKeptUntilItIsSurelyWhole()
    {
        ManualTime time = new(DateTimeOffset.UtcNow);
        new BundleStore(_folder.File("federation")).Save("partner.example", new(new() { Roots = [_root.Certificate.RawData] }, null, 5, time.GetUtcNow()));
        _folder.Write("b.json", Bundles.Json(1, null, _root));
        _folder.Write("f.yaml", "trustDomain: third.example\nbundle: b.json\n");
        _keeper = Keeper(_bundles, time: time);
        await _keeper.StartAsync(Cancellation);
        await LookAsync(time);
        Assert.True(File.Exists(_folder.File("federation/partner.example.json")));
        time.Advance(TimeSpan.FromSeconds(30));
        await LookAsync(time);
        Assert.Equal(["third.example.json"], Directory.EnumerateFiles(_folder.File("federation")).Select(Path.GetFileName));
    }

    [Fact]
    public async Task WhatIsKeptIsUpheldWhereAnotherControllerLosesIt()
    {
        OthersStore store = new();
        _site.Tell(Bundles.Json(5, null, _root));
        _folder.Write("f.yaml", Web());
        _keeper = Keeper(_bundles, store: store);
        await _keeper.StartAsync(Cancellation);
        await UntilAsync(() => store.Upheld?.Floor == 5);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task WhatCanNotBeKeptIsKeptOnceItCan()
    {
        OthersStore store = new() { Failure = new IOException("No space left on device") };
        _site.Tell(Bundles.Json(5, null, _root));
        _folder.Write("f.yaml", Web());
        _keeper = Keeper(_bundles, store: store);
        await _keeper.StartAsync(Cancellation);
        await UntilAsync(Has(_root));
        _site.Tell("""{"keys": [], "spiffe_sequence": 6}""");
        await UntilAsync(Has());
        await AskedAsync();
        Assert.Null(store.Saved);
        store.Failure = null;
        await UntilAsync(() => store.Saved is { Floor: 6, Document.Roots.IsEmpty: true });
        await UntilAsync(() => _said.Any(l => l.Contains("is kept for the next start again", StringComparison.Ordinal)));
        Assert.Single(_said, l => l.Contains("No space left on device", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task WhatAFileBringsIsOlderThanAnyAnswerAlsoOfAnotherController()
    {
        // It was told without a sequence that nobody is believed any more, before the file was here.
        OthersStore store = new();
        _folder.Write("b.json", Bundles.Json(null, null, _root));
        _folder.Write("f.yaml", "trustDomain: partner.example\nbundle: b.json\n");
        _keeper = Keeper(_bundles, store: store);
        await _keeper.StartAsync(Cancellation);
        Assert.True(Has(_root)());
        KeptBundle own = store.Saved!;
        store.Others = own with { Document = new(), At = DateTimeOffset.UtcNow.AddDays(-1) };
        await UntilAsync(Has());
        Assert.True(own.IsOlderThan(store.Others));
    }

    [Fact]
    public void WhatCanNotBeForgottenIsNotKnownAgain()
    {
        OthersStore store = new();
        LoggedBundleStore logged = new(store, new LineLogger(_said));
        store.Loaded = new(new() { Roots = [_root.Certificate.RawData] }, null, 5, DateTimeOffset.UtcNow);
        Assert.NotNull(logged.Load("partner.example"));
        store.Failure = new IOException("Read-only file system");
        logged.Keep("partner.example", null);
        Assert.Null(logged.Load("partner.example"));
        store.Failure = null;
        logged.KeepAgain();
        Assert.True(store.IsForgotten);
    }

    [Fact]
    public async Task ABundleWithRootsOfTheMeshItselfOrOfAnotherDomainIsDoubted()
    {
        _folder.Write("own.json", Bundles.Json(1, null, _own));
        _folder.Write("b.json", Bundles.Json(1, null, _root));
        await StartAsync("trustDomain: a.example\nbundle: own.json\n---\ntrustDomain: partner.example\nbundle: b.json\n---\ntrustDomain: x.example\nbundle: b.json\n");
        Assert.Single(_said, l => l.Contains("The bundle of a.example", StringComparison.Ordinal) && l.Contains("has a root of the mesh's own trust domain, cluster.local, too", StringComparison.Ordinal));
        Assert.Single(_said, l => l.Contains("has a root of partner.example, too: is it that of x.example?", StringComparison.Ordinal) || l.Contains("has a root of x.example, too: is it that of partner.example?", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task TheMeshsOwnTrustDomainIsRefused()
    {
        _folder.Write("b.json", Bundles.Json(1, null, _root));
        await StartAsync("trustDomain: cluster.local\nbundle: b.json\n---\ntrustDomain: partner.example\nbundle: b.json\n");
        Assert.True(Has(_root)());
        Assert.Contains(_said, l => l.Contains("'cluster.local' is the mesh's own trust domain", StringComparison.Ordinal));
    }

    [Fact]
    public async Task RootsThatHaveEndedAreLeftOut()
    {
        using CaFiles ended = CaFiles.Make(shape: new() { Left = TimeSpan.FromHours(-1) });
        _site.Tell(Bundles.Json(1, null, ended, _root));
        await StartAsync(Web());
        await UntilAsync(Has(_root));
        _site.Tell(Bundles.Json(2, null, ended));
        await UntilAsync(() => _said.Any(l => l.Contains("roots have all ended", StringComparison.Ordinal)));
        Assert.True(Has(_root)());
    }

    [Fact]
    public async Task AFileThatCanNotBeReadKeepsAControllerFromStarting()
    {
        using FederationKeeper keeper = Keeper(_bundles);
        InvalidDataException refused = await Assert.ThrowsAsync<InvalidDataException>(() => keeper.StartAsync(Cancellation));
        Assert.Contains("f.yaml can't be read", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, 300)]
    [InlineData(10, 60)]
    [InlineData(600, 600)]
    [InlineData(int.MaxValue, 86400)]
    public void BundlesAreAskedForAsOftenAsTheirDomainSaysWithinBounds(int? hint, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), new FederationOptions().After(hint is { } said ? TimeSpan.FromSeconds(said) : null));

    [Theory]
    [InlineData(1, null, 60)]
    [InlineData(2, null, 120)]
    [InlineData(4, null, 300)]
    [InlineData(1, 86400, 60)]
    [InlineData(8, 86400, 7680)]
    [InlineData(int.MaxValue, 86400, 86400)]
    [InlineData(3, 60, 60)]
    public void AfterFailuresABundleIsAskedForSoonAndThenMoreSeldom(int failures, int? hint, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), new FederationOptions().AfterFailures(failures, hint is { } said ? TimeSpan.FromSeconds(said) : null));

    [Fact]
    public async Task ADomainThatIsAskedTwiceADayIsAskedSoonAfterAFailure()
    {
        _site.Tell(Bundles.Json(1, 43200, _root));
        _folder.Write("f.yaml", Web());
        ManualTime time = new(DateTimeOffset.UtcNow);
        _keeper = Keeper(_bundles, o => o with { Shortest = TimeSpan.FromMinutes(1), Longest = TimeSpan.FromDays(1), Interval = TimeSpan.FromMinutes(5), Patience = Patience }, time: time);
        await _keeper.StartAsync(Cancellation);
        Assert.True(Has(_root)());
        _site.Answer = _ => Unavailable;
        time.Advance(TimeSpan.FromHours(12));
        await LookAsync(time);
        await UntilAsync(() => _said.Any(l => l.Contains("it is tried again in 60 s: the answer is 503", StringComparison.Ordinal)));
        _site.Tell(Bundles.Json(2, 43200, _next));
        time.Advance(TimeSpan.FromMinutes(1));
        await LookAsync(time);
        await UntilAsync(Has(_next));
    }

    private string Web() => $"trustDomain: partner.example\nbundleEndpoint: {{url: '{_site.Url}', profile: https_web, webRoots: roots.pem}}\n";

    private string SpiffeFile()
    {
        _folder.Write("first.pem", _root.CertificatePem);
        return $"trustDomain: partner.example\nbundleEndpoint: {{url: '{_site.Url}', profile: https_spiffe, spiffeId: {Server}}}\nbundle: first.pem\n";
    }

    private void Spiffe(CaFiles issuer, string id)
    {
        using CaFiles shown = Bundles.Svid(issuer, id);
        _site.Show(shown);
    }

    private Func<bool> Has(params CaFiles[] roots) => () =>
        _bundles.All.Items is [{ TrustDomain: "partner.example" } bundle] && bundle.Roots.Length == roots.Length && bundle.Roots.Zip(roots).All(p => p.First.Span.SequenceEqual(p.Second.Certificate.RawData));

    // Of two questions the second has begun when the answer to the first was taken.
    private Task AskedAsync()
    {
        int before = _site.Asked;
        return UntilAsync(() => _site.Asked >= before + 2);
    }

    // What a keeper with a clock of the test's own reads is in force then.
    private static async Task LookAsync(ManualTime time)
    {
        for (int i = 0; i < 2; i++)
        {
            await time.TimersAsync(1);
            time.Advance(TimeSpan.FromMilliseconds(20));
        }
        await time.TimersAsync(1);
    }

    private FederationKeeper Keeper(FederatedBundles bundles, Func<FederationOptions, FederationOptions>? change = null, IBundleStore? store = null, TimeProvider? time = null)
    {
        TimeSpan soon = TimeSpan.FromMilliseconds(20);
        FederationOptions options = new() { Path = _folder.File("f.yaml"), Look = soon, Interval = soon, Shortest = soon, Longest = soon, Patience = TimeSpan.FromSeconds(2) };
        TrustBundle own = new("cluster.local", [_own.Certificate.RawData]);
        return new(change?.Invoke(options) ?? options, store ?? new BundleStore(_folder.File("federation")), bundles, () => own, _metrics, time ?? TimeProvider.System, new LineLogger(_said, LogLevel.Information));
    }

    private async Task StartAsync(string file)
    {
        _folder.Write("f.yaml", file);
        _keeper = Keeper(_bundles);
        await _keeper.StartAsync(Cancellation);
    }

    private async Task<FederatedBundles> RestartAsync()
    {
        FederatedBundles bundles = new();
        _keeper = Keeper(bundles);
        await _keeper.StartAsync(Cancellation);
        return bundles;
    }

    private async Task StopAsync()
    {
        if (_keeper is null) return;
        await _keeper.StopAsync(CancellationToken.None);
        _keeper.Dispose();
        _keeper = null;
    }

    /// <summary>Keeps nothing, and tells what another controller keeps.</summary>
    private sealed class OthersStore : IBundleStore
    {
        public volatile KeptBundle? Loaded, Others, Saved, Upheld;

        public volatile IOException? Failure;

        public volatile bool IsForgotten;

        public KeptBundle? Load(string trustDomain) => Loaded;

        public KeptBundle? FindAtOtherController(string trustDomain) => Others;

        public void Save(string trustDomain, KeptBundle bundle) => Saved = Failure is { } failure ? throw failure : bundle;

        public void Uphold(string trustDomain, KeptBundle bundle) => Upheld = bundle;

        public void Forget(string trustDomain) => IsForgotten = Failure is { } failure ? throw failure : true;

        public void ForgetAllBut(IReadOnlyCollection<string> trustDomains)
        {
        }
    }
}

using System.Collections.Concurrent;
using System.Security.Cryptography;
using Culvert.Controller.Identity;
using Culvert.Controller.Identity.Spire;
using Culvert.Controller.Identity.Upstream;
using Culvert.Core;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Protocol;
using Culvert.Tests.Shared;
using Culvert.Tests.Shared.Spire;
using Grpc.Core;

namespace Culvert.Controller.Tests.Identity.Spire;

/// <summary>The authority that a SPIRE server certifies, against a server that behaves as a real one was seen to.</summary>
public sealed class SpireDownstreamTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly SpiffeId Web = SpiffeId.ForServiceAccount(StandInSpire.TrustDomain, "shop", "web");
    private readonly ConcurrentQueue<string> _said = new();
    private StandInSpire _spire = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _spire = await StandInSpire.StartAsync();

    public ValueTask DisposeAsync() => _spire.DisposeAsync();

    [Fact]
    public async Task OneCallIsEnoughForManyCertificatesThatOpensslVerifies()
    {
        _spire.IsDownstream = true;
        await using SubordinateAuthority authority = await OpenAsync();
        IssuedCertificate[] issued = [.. await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => SignAsync(authority)))];
        Assert.Equal((1, 0), (_spire.Certified, _spire.MostSigning));
        using TempFolder folder = new();
        await OpenSsl.VerifyAsync(folder, authority.Roots, issued[^1].Chain);
    }

    [Fact]
    public async Task ItWaitsForADownstreamEntryAndSaysHowToGetIt()
    {
        // An admin's right is another one.
        _spire.IsAdmin = true;
        Task<SubordinateAuthority> opening = OpenAsync();
        await SaidAsync("authorization denied for method /spire.api.server.svid.v1.SVID/NewDownstreamX509CA");
        await SaidAsync("give it an entry with -downstream");
        _spire.IsDownstream = true;
        await (await opening).DisposeAsync();
    }

    [Fact]
    public async Task WhatTheServerHasRevokedIsReplacedAtOnce()
    {
        _spire.IsDownstream = true;
        await using SubordinateAuthority authority = await OpenAsync();
        byte[] before = (await SignAsync(authority)).Chain[1].ToArray();
        _spire.Prepare();
        _spire.Activate();
        await Soon.Holds("both roots are in the bundle", () => authority.Roots.Length == 2);
        Assert.Equal(before, (await SignAsync(authority)).Chain[1].ToArray());
        _spire.Revoke();
        await Soon.Holds("another authority signs", async () => !(await SignAsync(authority)).Chain[1].Span.SequenceEqual(before));
        Assert.Equal(2, _spire.Certified);
        Assert.Equal(_spire.Roots[0].RawData, Assert.Single(authority.Roots).ToArray());
    }

    [Fact]
    public async Task WhatATaintedAuthorityHasCertifiedIsReplacedWhileItsRootIsTrusted()
    {
        _spire.IsDownstream = true;
        await using SubordinateAuthority authority = await OpenAsync();
        byte[] before = (await SignAsync(authority)).Chain[1].ToArray();
        _spire.Prepare();
        _spire.Activate();
        await Soon.Holds("both roots are in the bundle", () => authority.Roots.Length == 2);
        _spire.Taint();
        await Soon.Holds("another authority signs", async () => !(await SignAsync(authority)).Chain[1].Span.SequenceEqual(before));
        Assert.Equal(2, authority.Roots.Length);
    }

    [Fact]
    public async Task WithoutTheServerItSignsOn()
    {
        _spire.IsDownstream = true;
        await using SubordinateAuthority authority = await OpenAsync();
        _spire.Fault = _ => new Status(StatusCode.Unavailable, "gone");
        await SaidAsync("signs on while it is valid and trusted");
        await SignAsync(authority);
    }

    [Fact]
    public async Task ATrustDomainThatIsNotTheServersIsNamedWithTheRemedy()
    {
        _spire.IsDownstream = true;
        await using SubordinateAuthority authority = await OpenAsync();
        AuthorityException failure = await Assert.ThrowsAsync<AuthorityException>(() => SignAsync(authority, SpiffeId.ForServiceAccount("cluster.local", "shop", "web")));
        Assert.Equal(AuthorityFailure.Misconfigured, failure.Reason);
        Assert.Contains("set spec.trustDomain of the MeshConfig to demo.culvert", failure.Message, StringComparison.Ordinal);
    }

    private static async Task<IssuedCertificate> SignAsync(SubordinateAuthority authority, SpiffeId? identity = null)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        SpiffeId id = identity ?? Web;
        return await authority.SignAsync(new() { Csr = CsrIdentity.Create(key, id), Identity = id, Lifetime = TimeSpan.FromMinutes(10) }, Cancellation);
    }

    private Task SaidAsync(string part) => Soon.Holds($"a message that says: {part}", () => _said.Any(l => l.Contains(part, StringComparison.Ordinal)), () => string.Join(" | ", _said));

    private Task<SubordinateAuthority> OpenAsync()
    {
        Assert.True(SpiffeEndpoint.TryParse("unix://" + _spire.AgentSocket, out SpiffeEndpoint? workloadApi, out string? error), error);
        SpireOptions server = new() { Address = new Uri($"https://127.0.0.1:{_spire.Port}"), WorkloadApi = workloadApi, IsDownstream = true };
        UpstreamOptions kept = new() { Interval = TimeSpan.FromMilliseconds(50), RootActivationDelay = TimeSpan.FromMilliseconds(200) };
        LineLogger logger = new(_said);
        return SubordinateAuthority.OpenAsync(new SpireDownstream(server, TimeProvider.System, logger), kept, TimeProvider.System, new Random(1), logger, Cancellation).WaitAsync(Patience, Cancellation);
    }
}

using System.Collections.Concurrent;
using System.Diagnostics;
using Culvert.Core;
using Culvert.NodeAgent.Identity;
using Culvert.NodeAgent.Tests.Proxy;
using Culvert.Protocol;
using Culvert.Protocol.Spiffe;
using Culvert.Protocol.WorkloadApi;
using Culvert.Tests.Shared;
using Google.Protobuf;
using Grpc.Core;

namespace Culvert.NodeAgent.Tests.WorkloadApi;

/// <summary>Certificates and roots by the agent's Workload API, as clients of SPIFFE ask for them.</summary>
public sealed class WorkloadCertificateTests : IAsyncLifetime
{
    private readonly ManualTime _time = new(DateTimeOffset.UtcNow);
    private ServedWorkloads _api = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _api = await ServedWorkloads.StartAsync(_time);

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Fact]
    public async Task AnApplicationHasItsIdentityAndEachRenewal()
    {
        Assert.True(SpiffeEndpoint.TryParse($"unix://{_api.Socket}", out SpiffeEndpoint? endpoint, out _));
        ConcurrentQueue<string> failures = [];
        await using X509Source source = new(endpoint, TimeProvider.System, failures.Enqueue);
        await SocketExtensions.EventuallyAsync(() => source.Current is not null);
        X509Context first = source.Current!;
        Assert.Equal(ServedWorkloads.WebId, first.Id);
        Assert.Equal(_api.Svids.Find(ServedWorkloads.WebId)!.Chain[0], first.Certificate.Certificate.RawData);
        Assert.True(first.Certificate.Certificate.HasPrivateKey);
        Assert.Equal(_api.Authority.Root.ToArray(), Assert.Single(first.Roots).ToArray());

        Svid renewed = _api.Renew(ServedWorkloads.WebId);
        await SocketExtensions.EventuallyAsync(() => source.Current!.Certificate.Certificate.RawData.AsSpan().SequenceEqual(renewed.Chain[0]));

        using TestAuthority next = new("next root");
        _api.Trust(_api.Authority.Root, next.Root);
        await SocketExtensions.EventuallyAsync(() => source.Current!.Roots.Length == 2);
        Assert.Empty(failures);
    }

    [Fact]
    public async Task AMessageIsTheWholeStateAndComesWhenItIsAnother()
    {
        using AsyncServerStreamingCall<X509SVIDResponse> call = _api.Client().FetchX509SVID(new(), ServedWorkloads.Header("true"), cancellationToken: Cancel);
        X509SVID first = Assert.Single((await NextAsync(call)).Svids);
        Svid svid = _api.Svids.Find(ServedWorkloads.WebId)!;
        Assert.Equal((ServedWorkloads.WebId.ToString(), ""), (first.SpiffeId, first.Hint));
        Assert.Equal(svid.PrivateKey.Use(k => k.ToArray()), first.X509SvidKey.ToByteArray());

        // Another's renewal is no news, nor are other keys of tokens; what comes next is its own.
        await _api.LookedAtAsync(() => _api.Renew(ServedWorkloads.DbId));
        await _api.LookedAtAsync(() => _api.Trust(new TrustBundle("cluster.local", [_api.Authority.Root])));
        Svid renewed = _api.Renew(ServedWorkloads.WebId);
        X509SVIDResponse second = await NextAsync(call);
        Assert.Equal(renewed.Chain[0], Assert.Single(second.Svids).X509Svid.ToByteArray());
        Assert.Equal((0, 0), (second.Crl.Count, second.FederatedBundles.Count));
        Assert.Contains("culvert_workload_api_answers_total{method=\"FetchX509SVID\",code=\"OK\"} 2", _api.Exposition(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task RootsAreToldByThemselvesAndRenewalsAreNoNewsThere()
    {
        using AsyncServerStreamingCall<X509BundlesResponse> call = _api.Client().FetchX509Bundles(new(), ServedWorkloads.Header("true"), cancellationToken: Cancel);
        KeyValuePair<string, Google.Protobuf.ByteString> first = Assert.Single((await NextAsync(call)).Bundles);
        Assert.Equal(("spiffe://cluster.local", Convert.ToHexString(_api.Authority.Root.Span)), (first.Key, Convert.ToHexString(first.Value.Span)));
        await _api.LookedAtAsync(() => _api.Renew(ServedWorkloads.WebId));
        await _api.LookedAtAsync(() => _api.Trust(new TrustBundle("cluster.local", [_api.Authority.Root])));
        using TestAuthority next = new("next root");
        _api.Trust(_api.Authority.Root, next.Root);
        byte[] both = [.. _api.Authority.Root.ToArray(), .. next.Root.ToArray()];
        Assert.Equal(both, Assert.Single((await NextAsync(call)).Bundles).Value.ToByteArray());
    }

    [Fact]
    public async Task RootsOfOtherTrustDomainsAreToldBesideTheMeshs()
    {
        using TestAuthority other = new("another mesh");
        _api.Federated = [new TrustBundle("two.example", [other.Root]), new TrustBundle("gone.example", [])];
        using AsyncServerStreamingCall<X509SVIDResponse> svids = _api.Client().FetchX509SVID(new(), ServedWorkloads.Header("true"), cancellationToken: Cancel);
        using AsyncServerStreamingCall<X509BundlesResponse> bundles = _api.Client().FetchX509Bundles(new(), ServedWorkloads.Header("true"), cancellationToken: Cancel);
        X509SVIDResponse svid = await NextAsync(svids);
        Assert.Equal(_api.Authority.Root.ToArray(), Assert.Single(svid.Svids).Bundle.ToByteArray());
        KeyValuePair<string, Google.Protobuf.ByteString> foreign = Assert.Single(svid.FederatedBundles);
        Assert.Equal(("spiffe://two.example", Convert.ToHexString(other.Root.Span)), (foreign.Key, Convert.ToHexString(foreign.Value.Span)));
        X509BundlesResponse all = await NextAsync(bundles);
        Assert.Equal(["spiffe://cluster.local", "spiffe://two.example"], all.Bundles.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(foreign.Value, all.Bundles[foreign.Key]);
    }

    [Fact]
    public async Task ACallerHasItsOwnIdentityAndNoOther()
    {
        SpiffeWorkloadAPI.SpiffeWorkloadAPIClient web = _api.Client();
        using AsyncServerStreamingCall<X509SVIDResponse> ofWeb = web.FetchX509SVID(new(), ServedWorkloads.Header("true"), cancellationToken: Cancel);
        Assert.Equal(ServedWorkloads.WebId.ToString(), Assert.Single((await NextAsync(ofWeb)).Svids).SpiffeId);
        _api.Attestor.Is(_api.Db);
        using AsyncServerStreamingCall<X509SVIDResponse> ofDb = _api.Client().FetchX509SVID(new(), ServedWorkloads.Header("true"), cancellationToken: Cancel);
        Assert.Equal(ServedWorkloads.DbId.ToString(), Assert.Single((await NextAsync(ofDb)).Svids).SpiffeId);

        // Who has connected is looked at once for a connection.
        using AsyncServerStreamingCall<X509SVIDResponse> again = web.FetchX509SVID(new(), ServedWorkloads.Header("true"), cancellationToken: Cancel);
        Assert.Equal(ServedWorkloads.WebId.ToString(), Assert.Single((await NextAsync(again)).Svids).SpiffeId);
        Assert.Equal(2, _api.Attestor.Looks);
    }

    [Theory]
    [InlineData]
    [InlineData("True")]
    [InlineData("false")]
    [InlineData("true", "true")]
    public async Task WithoutTheHeaderNothingIsTold(params string[] values)
    {
        SpiffeWorkloadAPI.SpiffeWorkloadAPIClient client = _api.Client();
        using AsyncServerStreamingCall<X509SVIDResponse> svids = client.FetchX509SVID(new(), ServedWorkloads.Header(values), cancellationToken: Cancel);
        using AsyncServerStreamingCall<X509BundlesResponse> bundles = client.FetchX509Bundles(new(), ServedWorkloads.Header(values), cancellationToken: Cancel);
        foreach (Func<Task> call in new Func<Task>[] { () => NextAsync(svids), () => NextAsync(bundles) })
        {
            RpcException refused = await Assert.ThrowsAsync<RpcException>(call);
            Assert.Equal((StatusCode.InvalidArgument, "security header missing from request"), (refused.StatusCode, refused.Status.Detail));
        }
    }

    [Fact]
    public async Task WhoIsNoWorkloadOfThisNodeHasNoIdentityUntilItIsOne()
    {
        _api.Attestor.Is(null);
        SpiffeWorkloadAPI.SpiffeWorkloadAPIClient client = _api.Client();
        foreach (Func<Task> call in new Func<Task>[] { () => FirstAsync(client), async () => { using var c = client.FetchX509Bundles(new(), ServedWorkloads.Header("true"), cancellationToken: Cancel); await NextAsync(c); } })
        {
            RpcException refused = await Assert.ThrowsAsync<RpcException>(call);
            Assert.Equal((StatusCode.PermissionDenied, "no identity issued"), (refused.StatusCode, refused.Status.Detail));
        }
        Assert.Equal("a caller of the Workload API has no identity here: a process of no pod", Assert.Single(_api.Log, l => !l.Contains("is served at", StringComparison.Ordinal)));

        // The same client, once its pod is in the mesh.
        _api.Attestor.Is(_api.Web);
        Assert.Equal(ServedWorkloads.WebId.ToString(), Assert.Single((await FirstAsync(client)).Svids).SpiffeId);
    }

    [Fact]
    public async Task AStreamEndsWithItsPod()
    {
        SpiffeWorkloadAPI.SpiffeWorkloadAPIClient client = _api.Client();
        using AsyncServerStreamingCall<X509SVIDResponse> call = client.FetchX509SVID(new(), ServedWorkloads.Header("true"), cancellationToken: Cancel);
        await NextAsync(call);

        // Another pod of its name has come: the workload is there, and the caller is not of it.
        _api.Attestor.Add(ServedWorkloads.Workload("web", ServedWorkloads.WebId), "uid-of-the-next");
        _api.Remove(_api.Web);
        Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(() => NextAsync(call))).StatusCode);
    }

    [Fact]
    public async Task WhatIsRevokedIsToldNoMore()
    {
        using AsyncServerStreamingCall<X509SVIDResponse> call = _api.Client().FetchX509SVID(new(), ServedWorkloads.Header("true"), cancellationToken: Cancel);
        await NextAsync(call);
        _api.Revoke(new RevokedCredentials { Identities = [ServedWorkloads.WebId] });
        Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(() => NextAsync(call))).StatusCode);
        _api.Revoke(new RevokedCredentials { Serials = [SvidReader.SerialOf(_api.Svids.Find(ServedWorkloads.WebId)!.Chain[0])] });
        Assert.Equal(StatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(() => FirstAsync(_api.Client()))).StatusCode);
    }

    [Fact]
    public async Task ACertificateThatIsMissingOrHasEndedIsNotToldAndClientsMayAskAgain()
    {
        _time.Advance(TimeSpan.FromHours(2));
        RpcException ended = await Assert.ThrowsAsync<RpcException>(() => FirstAsync(_api.Client()));
        Assert.Equal(StatusCode.Unavailable, ended.StatusCode);
        Assert.Contains("has ended", ended.Status.Detail, StringComparison.Ordinal);
        _api.Svids.Lose(ServedWorkloads.WebId);
        Assert.Equal(StatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(() => FirstAsync(_api.Client()))).StatusCode);
        _api.Renew(ServedWorkloads.WebId, _time.GetUtcNow().AddHours(1));
        Assert.Single((await FirstAsync(_api.Client())).Svids);
        _api.Trust();
        Assert.Equal(StatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(() => FirstAsync(_api.Client()))).StatusCode);
    }

    [Theory]
    [InlineData("/run/spiffe/agent.sock")]
    [InlineData("%2Frun%2Fspiffe%2Fagent.sock")]
    [InlineData("localhost")]
    public async Task WhatAClientCallsTheServerIsOfNoAccount(string authority)
    {
        string folder = Path.GetDirectoryName(_api.Socket)!, request = Path.Combine(folder, "request"), answer = Path.Combine(folder, "answer");
        byte[] message = new JWTSVIDRequest { Audience = { "db" } }.ToByteArray();
        await File.WriteAllBytesAsync(request, [0, 0, 0, 0, (byte)message.Length, .. message], Cancel);
        using Process curl = Process.Start(
            "curl",
            [
                "-sS", "--http2-prior-knowledge", "--max-time", "20", "--unix-socket", _api.Socket, "-H", $"Host: {authority}", "-H", "content-type: application/grpc", "-H", "te: trailers", "-H", "workload.spiffe.io: true",
                "--data-binary", $"@{request}", "-o", answer, "http://localhost/SpiffeWorkloadAPI/FetchJWTSVID",
            ]);
        await curl.WaitForExitAsync(Cancel);
        Assert.Equal(0, curl.ExitCode);
        Assert.Equal(ServedWorkloads.WebId.ToString(), Assert.Single(JWTSVIDResponse.Parser.ParseFrom((await File.ReadAllBytesAsync(answer, Cancel))[5..]).Svids).SpiffeId);
    }

    private static async Task<T> NextAsync<T>(AsyncServerStreamingCall<T> call)
    {
        Assert.True(await call.ResponseStream.MoveNext(Cancel));
        return call.ResponseStream.Current;
    }

    private static async Task<X509SVIDResponse> FirstAsync(SpiffeWorkloadAPI.SpiffeWorkloadAPIClient client)
    {
        using AsyncServerStreamingCall<X509SVIDResponse> call = client.FetchX509SVID(new(), ServedWorkloads.Header("true"), cancellationToken: Cancel);
        return await NextAsync(call);
    }
}

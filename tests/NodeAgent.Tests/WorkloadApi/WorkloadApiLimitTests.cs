using System.Net.Sockets;
using Culvert.NodeAgent.Hosting;
using Culvert.NodeAgent.Tests.Proxy;
using Culvert.NodeAgent.WorkloadApi;
using Culvert.Protocol.WorkloadApi;
using Culvert.Tests.Shared;
using Grpc.Core;

namespace Culvert.NodeAgent.Tests.WorkloadApi;

/// <summary>What one pod can have of the agent's Workload API, and that others have theirs meanwhile.</summary>
public sealed class WorkloadApiLimitTests : IAsyncLifetime
{
    private static readonly Marshaller<byte[]> Bytes = Marshallers.Create<byte[]>(b => b, b => b);

    private readonly ManualTime _time = new(DateTimeOffset.UtcNow);
    private readonly List<Socket> _sockets = [];
    private ServedWorkloads _api = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _api = await ServedWorkloads.StartAsync(_time);

    public ValueTask DisposeAsync()
    {
        foreach (Socket socket in _sockets) socket.Dispose();
        return _api.DisposeAsync();
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task OneWorkloadsOpenCallsAreBoundedAndOthersHaveTheirs()
    {
        List<AsyncServerStreamingCall<X509BundlesResponse>> calls = [];
        try
        {
            SpiffeWorkloadAPI.SpiffeWorkloadAPIClient client = _api.Client();
            for (int i = 0; i < CallerPlaces.MostCalls; i++)
            {
                calls.Add(client.FetchX509Bundles(new(), ServedWorkloads.Header("true"), cancellationToken: Cancel));
                Assert.True(await calls[^1].ResponseStream.MoveNext(Cancel));
            }
            Assert.Equal(CallerPlaces.MostCalls, _api.Places.Calls);
            Assert.Equal(StatusCode.ResourceExhausted, (await Assert.ThrowsAsync<RpcException>(() => FirstAsync(client))).StatusCode);
            _api.Attestor.Is(_api.Db);
            Assert.Single((await FirstAsync(_api.Client())).Svids);
        }
        finally
        {
            foreach (AsyncServerStreamingCall<X509BundlesResponse> call in calls) call.Dispose();
        }

        // With the calls their places come back.
        await SocketExtensions.EventuallyAsync(() => _api.Places.Calls == 0);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task OneWorkloadsConnectionsAreBoundedAndOthersHaveTheirs()
    {
        for (int i = 0; i < 2 * CallerPlaces.MostConnections; i++)
        {
            await ConnectAsync();
            await SocketExtensions.EventuallyAsync(() => _api.Attestor.Looks == i + 1);
        }
        await SocketExtensions.EventuallyAsync(() => _sockets.Count(IsClosed) == CallerPlaces.MostConnections);
        _api.Attestor.Is(_api.Db);
        Assert.Single((await FirstAsync(_api.Client())).Svids);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task OnePodsConnectionsThatWaitAreBoundedAndOthersAreLookedAt()
    {
        TaskCompletionSource until = new();
        _api.Attestor.Until = until.Task;
        _api.Attestor.Group = "many";
        for (int i = 0; i < 3 * CallerConnections.MostWaiting; i++) await ConnectAsync();
        await SocketExtensions.EventuallyAsync(() => _sockets.Count(IsClosed) == 2 * CallerConnections.MostWaiting);
        Assert.Equal(CallerConnections.MostWaiting, _api.Connections.Waiting);
        _api.Attestor.Group = "another";
        _api.Attestor.Is(_api.Db);
        Task<X509SVIDResponse> other = FirstAsync(_api.Client());
        await SocketExtensions.EventuallyAsync(() => _api.Connections.Waiting == CallerConnections.MostWaiting + 1);
        until.SetResult();
        Assert.Single((await other).Svids);
        Assert.Equal(CallerConnections.MostWaiting + 1, _api.Attestor.Looks);
        await SocketExtensions.EventuallyAsync(() => _api.Connections.Waiting == 0);
    }

    [Fact]
    public async Task AConnectionDoesNotWaitForEverToBeLookedAt()
    {
        TaskCompletionSource until = new();
        _api.Attestor.Until = until.Task;
        for (int i = 0; i < 3; i++) await ConnectAsync();
        await SocketExtensions.EventuallyAsync(() => _api.Connections.Waiting == 3 && _api.Attestor.Looks == 1);
        await _time.TimersAsync(4); // theirs, and that of the look at the socket
        _time.Advance(CallerConnections.LongestWait);
        await SocketExtensions.EventuallyAsync(() => _sockets.Count(IsClosed) == 2);
        until.SetResult();
        await SocketExtensions.EventuallyAsync(() => _api.Connections.Waiting == 0);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task OfOnePodAFewReasonsAreSaidAndOfOthersTheirs()
    {
        _api.Attestor.Is(null);
        for (int user = 0; user < 70; user++) await RefusedAsync($"a process of user {user}");
        Assert.Equal(4, _api.Log.Count(l => l.Contains("a process of user", StringComparison.Ordinal)));
        _api.Attestor.Group = "another";
        await RefusedAsync("of another");
        Assert.Single(_api.Log, l => l.Contains("of another", StringComparison.Ordinal));

        async Task RefusedAsync(string reason)
        {
            _api.Attestor.Reason = reason;
            int before = _api.Attestor.Looks;
            await ConnectAsync();
            await SocketExtensions.EventuallyAsync(() => _api.Attestor.Looks > before && _api.Connections.Waiting == 0);
            _sockets[^1].Dispose();
        }
    }

    [Fact]
    public async Task WhoCannotBeFoundOutMayTryAgain()
    {
        _api.Attestor.Failure = new IOException("no descriptor is left");
        SpiffeWorkloadAPI.SpiffeWorkloadAPIClient client = _api.Client();
        Assert.Equal(StatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(() => FirstAsync(client))).StatusCode);
        Assert.Single(_api.Log, l => l.Contains("no descriptor is left", StringComparison.Ordinal));

        // By another connection, as this one is not looked at again.
        _api.Attestor.Failure = null;
        Assert.Single((await FirstAsync(client)).Svids);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task ACallHasItsPlaceBeforeItsRequestComesAndTheRequestOnlySoLong()
    {
        CallInvoker invoker = _api.Invoker();
        Method<byte[], byte[]> method = new(MethodType.ClientStreaming, "SpiffeWorkloadAPI", "FetchX509SVID", Bytes, Bytes);
        using AsyncClientStreamingCall<byte[], byte[]> call = invoker.AsyncClientStreamingCall(method, null, new CallOptions(ServedWorkloads.Header("true"), cancellationToken: Cancel));
        await SocketExtensions.EventuallyAsync(() => _api.Places.Calls == 1);
        await _time.TimersAsync(2); // of the call's, and of the look at the socket
        _time.Advance(WorkloadApiServer.RequestTimeout);
        Assert.Equal(StatusCode.DeadlineExceeded, (await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync)).StatusCode);
        await SocketExtensions.EventuallyAsync(() => _api.Places.Calls == 0);
        Assert.Contains("culvert_workload_api_answers_total{method=\"FetchX509SVID\",code=\"DeadlineExceeded\"} 1", _api.Exposition(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task NoMethodIsForgotten()
    {
        CallInvoker invoker = _api.Invoker();
        Assert.Equal(5, SpiffeWorkloadAPI.Descriptor.Methods.Count);
        foreach (string name in SpiffeWorkloadAPI.Descriptor.Methods.Select(m => m.Name))
        {
            // Refused for the header that it has not, and not as one that nobody knows.
            Method<byte[], byte[]> method = new(MethodType.ServerStreaming, SpiffeWorkloadAPI.Descriptor.FullName, name, Bytes, Bytes);
            using AsyncServerStreamingCall<byte[]> call = invoker.AsyncServerStreamingCall(method, null, new CallOptions(cancellationToken: Cancel), []);
            Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(Cancel))).StatusCode);
        }
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task WhoCallsTooOftenIsRefusedAndOthersAreNot()
    {
        SpiffeWorkloadAPI.SpiffeWorkloadAPIClient client = _api.Client();
        string token = Assert.Single((await client.FetchJWTSVIDAsync(new() { Audience = { "db" } }, Options())).Svids).Svid;
        for (int i = 1; i < CallerPlaces.CallBurst; i++) await client.ValidateJWTSVIDAsync(new() { Audience = "db", Svid = token }, Options());
        Assert.Equal(StatusCode.ResourceExhausted, (await Assert.ThrowsAsync<RpcException>(() => FirstAsync(client))).StatusCode);
        Assert.Contains("culvert_workload_api_answers_total{method=\"FetchX509SVID\",code=\"ResourceExhausted\"} 1", _api.Exposition(), StringComparison.Ordinal);
        _api.Attestor.Is(_api.Db);
        Assert.Single((await FirstAsync(_api.Client())).Svids);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Single((await FirstAsync(client)).Svids);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task ARequestThatIsTooLongIsRefused()
    {
        string token = new('a', WorkloadApiService.LongestRequest);
        RpcException refused = await Assert.ThrowsAsync<RpcException>(async () => await _api.Client().ValidateJWTSVIDAsync(new() { Audience = "db", Svid = token }, Options()));
        Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);

        // One that is as long as may be comes through all windows.
        refused = await Assert.ThrowsAsync<RpcException>(async () => await _api.Client().ValidateJWTSVIDAsync(new() { Audience = "db", Svid = token[..^16] }, Options()));
        Assert.Equal((StatusCode.InvalidArgument, "the token is too long"), (refused.StatusCode, refused.Status.Detail));
    }

    private static CallOptions Options() => new(ServedWorkloads.Header("true"), cancellationToken: Cancel);

    private static async Task<X509SVIDResponse> FirstAsync(SpiffeWorkloadAPI.SpiffeWorkloadAPIClient client)
    {
        using AsyncServerStreamingCall<X509SVIDResponse> call = client.FetchX509SVID(new(), ServedWorkloads.Header("true"), cancellationToken: Cancel);
        Assert.True(await call.ResponseStream.MoveNext(Cancel));
        return call.ResponseStream.Current;
    }

    // What a server sends first is its settings; of a connection that was refused there is nothing to be had.
    private static bool IsClosed(Socket socket)
    {
        try
        {
            return socket.Poll(0, SelectMode.SelectRead) && socket.Receive(new byte[1], SocketFlags.Peek) == 0;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    private async Task ConnectAsync()
    {
        _sockets.Add(new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified));
        await _sockets[^1].ConnectAsync(new UnixDomainSocketEndPoint(_api.Socket), Cancel);
    }
}

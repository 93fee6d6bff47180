using System.Collections.Concurrent;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Net.Client;

namespace Culvert.GrpcHosting.Tests;

/// <summary>What a server asks of a call before it reads it, and how long and how much it reads.</summary>
public sealed class AdmissionTests
{
    // As one client sends it that says nothing, or too much: the server does not know by the call which of its methods has one request.
    private static readonly Method<BytesValue, BytesValue> Many = new(MethodType.DuplexStreaming, Echo.Service, Echo.UnaryBytes.Name, Echo.UnaryBytes.RequestMarshaller, Echo.UnaryBytes.ResponseMarshaller);

    [Fact(Timeout = 30_000)]
    public async Task ACallIsTakenBeforeItsRequestIsReadAndGivenBackWhenItHasEnded()
    {
        TaskCompletionSource<string?> taken = new(), given = new();
        await using TestServer server = await TestServer.StartAsync(Echo.Definition(), limits: o => o.Admit = context =>
        {
            taken.TrySetResult(context.Request.Headers["who"].ToString());
            return new Place(() => given.TrySetResult(null));
        });
        using GrpcChannel channel = server.Connect();
        using AsyncDuplexStreamingCall<BytesValue, BytesValue> call = channel.CreateCallInvoker().AsyncDuplexStreamingCall(Many, null, new CallOptions(new Metadata { { "who", "me" } }));
        Assert.Equal("me", await taken.Task);
        Assert.False(given.Task.IsCompleted);
        await call.RequestStream.WriteAsync(new BytesValue());
        await call.RequestStream.CompleteAsync();
        Assert.True(await call.ResponseStream.MoveNext());
        await given.Task;
    }

    [Fact(Timeout = 30_000)]
    public async Task ACallThatIsNotTakenEndsWithTheReason()
    {
        await using TestServer server = await TestServer.StartAsync(Echo.Definition(), limits: o => o.Admit = _ => throw new RpcException(new Status(StatusCode.ResourceExhausted, "too many")));
        using GrpcChannel channel = server.Connect();
        RpcException e = await Assert.ThrowsAsync<RpcException>(async () => await channel.CreateCallInvoker().AsyncUnaryCall(Echo.UnaryBytes, null, default, new BytesValue()));
        Assert.Equal((StatusCode.ResourceExhausted, "too many"), (e.StatusCode, e.Status.Detail));
    }

    [Fact(Timeout = 30_000)]
    public async Task ARequestThatDoesNotComeInTimeEndsItsCallAndAStreamMayBeSilent()
    {
        TaskCompletionSource<(string Method, StatusCode Code)> told = new();
        await using TestServer server = await TestServer.StartAsync(
            Echo.Definition(), limits: o => (o.RequestTimeout, o.RequestFailed) = (TimeSpan.FromMilliseconds(200), (http, code) => told.TrySetResult((http.Request.Path.ToString(), code))));
        using GrpcChannel channel = server.Connect();
        CallInvoker invoker = channel.CreateCallInvoker();
        using AsyncDuplexStreamingCall<StringValue, StringValue> stream = invoker.AsyncDuplexStreamingCall(Echo.Duplex, null, default);
        using AsyncDuplexStreamingCall<BytesValue, BytesValue> silent = invoker.AsyncDuplexStreamingCall(Many, null, default);
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => silent.ResponseStream.MoveNext());
        Assert.Equal(StatusCode.DeadlineExceeded, e.StatusCode);
        Assert.Equal((Echo.UnaryBytes.FullName, StatusCode.DeadlineExceeded), await told.Task);

        // That one began before.
        await stream.RequestStream.WriteAsync(new StringValue { Value = "late" });
        Assert.True(await stream.ResponseStream.MoveNext());
        Assert.Equal("echo:late", stream.ResponseStream.Current.Value);
    }

    [Fact(Timeout = 30_000)]
    public async Task OfCallsWhoseRequestIsNotHadTheServerIsTold()
    {
        ConcurrentQueue<StatusCode> told = [];
        await using TestServer server = await TestServer.StartAsync(
            Echo.Definition(), options: o => o.MaxReceiveMessageSize = 1000, limits: o => o.RequestFailed = (_, code) => told.Enqueue(code));
        using GrpcChannel channel = server.Connect();
        CallInvoker invoker = channel.CreateCallInvoker();
        await invoker.AsyncUnaryCall(Echo.UnaryBytes, null, default, new BytesValue());
        using AsyncDuplexStreamingCall<BytesValue, BytesValue> none = invoker.AsyncDuplexStreamingCall(Many, null, default);
        await none.RequestStream.CompleteAsync();
        Assert.Equal(StatusCode.Internal, (await Assert.ThrowsAsync<RpcException>(() => none.ResponseStream.MoveNext())).StatusCode);
        Assert.Equal(
            StatusCode.ResourceExhausted,
            (await Assert.ThrowsAsync<RpcException>(async () => await invoker.AsyncUnaryCall(Echo.UnaryBytes, null, default, new BytesValue { Value = ByteString.CopyFrom(new byte[1001]) }))).StatusCode);
        Assert.Equal([StatusCode.Internal, StatusCode.ResourceExhausted], told);
    }

    [Fact(Timeout = 30_000)]
    public async Task ABodyThatIsTooLongEndsItsCall()
    {
        await using TestServer server = await TestServer.StartAsync(Echo.Definition(), limits: o => o.MaxRequestBodySize = 10_000);
        using GrpcChannel channel = server.Connect();
        BytesValue fits = new() { Value = ByteString.CopyFrom(new byte[9_900]) }, over = new() { Value = ByteString.CopyFrom(new byte[10_001]) };
        Assert.Equal(fits, await channel.CreateCallInvoker().AsyncUnaryCall(Echo.UnaryBytes, null, default, fits));
        RpcException tooLong = await Assert.ThrowsAsync<RpcException>(async () => await channel.CreateCallInvoker().AsyncUnaryCall(Echo.UnaryBytes, null, default, over));
        Assert.Equal((StatusCode.ResourceExhausted, "The request is longer than 10000 bytes."), (tooLong.StatusCode, tooLong.Status.Detail));
    }

    private sealed class Place(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}

using Google.Protobuf.WellKnownTypes;
using Grpc.Net.Client;

namespace Culvert.GrpcHosting.Tests;

/// <summary>Cancellation reaches the other side; aborts of the server reach the client.</summary>
public sealed class CancellationTests
{
    [Theory(Timeout = 30_000)]
    [MemberData(nameof(CallTypeTests.Transports), MemberType = typeof(CallTypeTests))]
    public async Task TheServerSeesTheCallersToken(Transport transport)
    {
        TaskCompletionSource started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TestServer server = await TestServer.StartAsync(Waiting(started, cancelled), transport);
        using GrpcChannel channel = server.Connect();
        using CancellationTokenSource source = new();
        Task<StringValue> response = channel.CreateCallInvoker().AsyncUnaryCall(
            Echo.Unary, null, new CallOptions(cancellationToken: source.Token), new StringValue()).ResponseAsync;

        await started.Task;
        await source.CancelAsync();

        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(() => response)).StatusCode);
        await cancelled.Task;
        Assert.Empty(server.Log.Entries);
    }

    [Fact(Timeout = 30_000)]
    public async Task DisposalCancelsADuplexStream()
    {
        TaskCompletionSource<Exception> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ServerServiceDefinition service = ServerServiceDefinition.CreateBuilder()
            .AddMethod(Echo.Duplex, async (IAsyncStreamReader<StringValue> requests, IServerStreamWriter<StringValue> responses, ServerCallContext context) =>
            {
                await responses.WriteAsync(new StringValue());
                ended.SetResult(await Assert.ThrowsAnyAsync<OperationCanceledException>(() => requests.MoveNext()));
                Assert.True(context.CancellationToken.IsCancellationRequested);
            })
            .Build();
        await using TestServer server = await TestServer.StartAsync(service);
        using GrpcChannel channel = server.Connect();
        AsyncDuplexStreamingCall<StringValue, StringValue> call = channel.CreateCallInvoker().AsyncDuplexStreamingCall(Echo.Duplex, null, default);
        Assert.True(await call.ResponseStream.MoveNext());
        Task<bool> pending = call.ResponseStream.MoveNext(CancellationToken.None);

        call.Dispose();

        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(() => pending)).StatusCode);
        await ended.Task;
        Assert.Equal(StatusCode.Cancelled, call.GetStatus().StatusCode);
    }

    [Fact(Timeout = 30_000)]
    public async Task TheTokenOfAReadCancelsTheCall()
    {
        TaskCompletionSource started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ServerServiceDefinition service = ServerServiceDefinition.CreateBuilder()
            .AddMethod(Echo.ServerStream, async (StringValue _, IServerStreamWriter<StringValue> _, ServerCallContext context) =>
            {
                context.CancellationToken.Register(cancelled.SetResult);
                started.SetResult();
                await Task.Delay(Timeout.Infinite, context.CancellationToken);
            })
            .Build();
        await using TestServer server = await TestServer.StartAsync(service);
        using GrpcChannel channel = server.Connect();
        using AsyncServerStreamingCall<StringValue> call = channel.CreateCallInvoker().AsyncServerStreamingCall(Echo.ServerStream, null, default, new StringValue());
        using CancellationTokenSource source = new();
        Task<bool> read = call.ResponseStream.MoveNext(source.Token);
        await started.Task;

        await source.CancelAsync();

        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(() => read)).StatusCode);
        await cancelled.Task;
    }

    [Fact(Timeout = 30_000)]
    public async Task DisposingTheChannelCancelsItsCalls()
    {
        TaskCompletionSource started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TestServer server = await TestServer.StartAsync(Waiting(started, cancelled));
        GrpcChannel channel = server.Connect();
        Task<StringValue> response = channel.CreateCallInvoker().AsyncUnaryCall(Echo.Unary, null, default, new StringValue()).ResponseAsync;
        await started.Task;

        channel.Dispose();

        await Assert.ThrowsAsync<RpcException>(() => response);
        await cancelled.Task;
        Assert.Throws<ObjectDisposedException>(() => channel.CreateCallInvoker().AsyncUnaryCall(Echo.Unary, null, default, new StringValue()));
    }

    [Fact(Timeout = 30_000)]
    public async Task AServerThatAbortsMidStreamFailsReaderAndWriter()
    {
        ServerServiceDefinition service = ServerServiceDefinition.CreateBuilder()
            .AddMethod(Echo.Duplex, async (IAsyncStreamReader<StringValue> requests, IServerStreamWriter<StringValue> responses, ServerCallContext context) =>
            {
                await responses.WriteAsync(new StringValue { Value = "first" });
                await requests.MoveNext();
                context.GetHttpContext().Abort();
            })
            .Build();
        await using TestServer server = await TestServer.StartAsync(service);
        using GrpcChannel channel = server.Connect();
        using AsyncDuplexStreamingCall<StringValue, StringValue> call = channel.CreateCallInvoker().AsyncDuplexStreamingCall(Echo.Duplex, null, default);
        Assert.True(await call.ResponseStream.MoveNext());
        await call.RequestStream.WriteAsync(new StringValue());

        RpcException read = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext());
        Assert.Equal(StatusCode.Internal, read.StatusCode);
        RpcException write = await Assert.ThrowsAsync<RpcException>(() => call.RequestStream.WriteAsync(new StringValue()));
        Assert.Equal(StatusCode.Internal, write.StatusCode);
    }

    [Fact(Timeout = 30_000)]
    public async Task AServerThatGoesAwayIsUnavailable()
    {
        TestServer server = await TestServer.StartAsync(Echo.Definition());
        using GrpcChannel channel = server.Connect();
        await channel.CreateCallInvoker().AsyncUnaryCall(Echo.Unary, null, default, new StringValue());
        await server.DisposeAsync();

        RpcException e = await Assert.ThrowsAsync<RpcException>(
            async () => await channel.CreateCallInvoker().AsyncUnaryCall(Echo.Unary, null, default, new StringValue()));
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
    }

    [Fact(Timeout = 30_000)]
    public async Task AStoppingServerEndsStreamsWithUnavailableAndFinishesUnaryCalls()
    {
        TaskCompletionSource started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource release = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ServerServiceDefinition service = ServerServiceDefinition.CreateBuilder()
            .AddMethod(Echo.Unary, async (StringValue _, ServerCallContext _) =>
            {
                started.SetResult();
                await release.Task;
                return new StringValue { Value = "done" };
            })
            .AddMethod(Echo.Duplex, async (IAsyncStreamReader<StringValue> requests, IServerStreamWriter<StringValue> responses, ServerCallContext _) =>
            {
                await responses.WriteAsync(new StringValue());
                await requests.MoveNext();
            })
            .Build();
        await using TestServer server = await TestServer.StartAsync(service);
        using GrpcChannel channel = server.Connect();
        CallInvoker invoker = channel.CreateCallInvoker();
        using AsyncDuplexStreamingCall<StringValue, StringValue> stream = invoker.AsyncDuplexStreamingCall(Echo.Duplex, null, default);
        Assert.True(await stream.ResponseStream.MoveNext());
        Task<StringValue> unary = invoker.AsyncUnaryCall(Echo.Unary, null, default, new StringValue()).ResponseAsync;
        await started.Task;

        Task stop = server.StopAsync();
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => stream.ResponseStream.MoveNext());
        release.SetResult();

        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
        Assert.Equal("done", (await unary).Value);
        await stop;
    }

    private static ServerServiceDefinition Waiting(TaskCompletionSource started, TaskCompletionSource cancelled) =>
        ServerServiceDefinition.CreateBuilder()
            .AddMethod(Echo.Unary, async (StringValue request, ServerCallContext context) =>
            {
                context.CancellationToken.Register(cancelled.SetResult);
                started.SetResult();
                await Task.Delay(Timeout.Infinite, context.CancellationToken);
                return request;
            })
            .Build();
}

using Google.Protobuf.WellKnownTypes;
using Grpc.Net.Client;

namespace Culvert.GrpcHosting.Tests;

/// <summary>Deadlines on both sides.</summary>
public sealed class DeadlineTests
{
    // Long enough for a call to reach its server over a connection that there is, whatever else the machine does.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    private const string Connecting = "a call that only has the connection made";

    [Theory(Timeout = 30_000)]
    [MemberData(nameof(CallTypeTests.Transports), MemberType = typeof(CallTypeTests))]
    public async Task BothSidesSeeTheDeadlinePass(Transport transport)
    {
        TaskCompletionSource<(DateTime Deadline, bool Cancelled)> seen = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ServerServiceDefinition service = ServerServiceDefinition.CreateBuilder()
            .AddMethod(Echo.Unary, async (StringValue request, ServerCallContext context) =>
            {
                if (request.Value == Connecting) return request;
                try
                {
                    await Task.Delay(Timeout.Infinite, context.CancellationToken);
                }
                catch (OperationCanceledException)
                {
                    seen.SetResult((context.Deadline, context.CancellationToken.IsCancellationRequested));
                    throw;
                }

                return request;
            })
            .Build();
        await using TestServer server = await TestServer.StartAsync(service, transport);
        using GrpcChannel channel = server.Connect();
        await channel.CreateCallInvoker().AsyncUnaryCall(Echo.Unary, null, default, new StringValue { Value = Connecting });
        DateTime deadline = DateTime.UtcNow + Limit;

        RpcException e = await Assert.ThrowsAsync<RpcException>(async () => await channel.CreateCallInvoker().AsyncUnaryCall(
            Echo.Unary, null, new CallOptions(deadline: deadline), new StringValue()));

        Assert.Equal(StatusCode.DeadlineExceeded, e.StatusCode);
        (DateTime serverDeadline, bool cancelled) = await seen.Task;
        Assert.True(cancelled);
        Assert.InRange(serverDeadline, deadline.AddSeconds(-1), deadline.AddSeconds(5));
    }

    [Fact(Timeout = 30_000)]
    public async Task AServerEndsACallWhoseHandlerIgnoresTheDeadline()
    {
        TaskCompletionSource release = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ServerServiceDefinition service = ServerServiceDefinition.CreateBuilder()
            .AddMethod(Echo.Unary, async (StringValue request, ServerCallContext _) =>
            {
                await release.Task;
                return request;
            })
            .Build();
        await using TestServer server = await TestServer.StartAsync(service);
        using RawClient client = new(server.Address);
        // A client without its own timer: what comes back is the server's word.
        using HttpResponseMessage response = await client.PostAsync(Echo.Unary.FullName, RawClient.Frame([]), ("grpc-timeout", "100m"));
        await response.Content.ReadAsByteArrayAsync();

        Assert.Equal("4", RawClient.Status(response));
        release.SetResult();
    }

    [Fact(Timeout = 30_000)]
    public async Task ACallWhoseDeadlineHasPassedIsNotSent()
    {
        bool called = false;
        ServerServiceDefinition service = ServerServiceDefinition.CreateBuilder()
            .AddMethod(Echo.Unary, (StringValue request, ServerCallContext _) =>
            {
                called = true;
                return Task.FromResult(request);
            })
            .Build();
        await using TestServer server = await TestServer.StartAsync(service);
        using GrpcChannel channel = server.Connect();

        RpcException e = await Assert.ThrowsAsync<RpcException>(async () => await channel.CreateCallInvoker().AsyncUnaryCall(
            Echo.Unary, null, new CallOptions(deadline: DateTime.UtcNow.AddSeconds(-1)), new StringValue()));

        Assert.Equal(StatusCode.DeadlineExceeded, e.StatusCode);
        Assert.False(called);
    }

    [Fact(Timeout = 30_000)]
    public async Task AStreamEndsAtItsDeadline()
    {
        ServerServiceDefinition service = ServerServiceDefinition.CreateBuilder()
            .AddMethod(Echo.Duplex, async (IAsyncStreamReader<StringValue> requests, IServerStreamWriter<StringValue> responses, ServerCallContext _) =>
            {
                await responses.WriteAsync(new StringValue { Value = "first" });
                await requests.MoveNext();
            })
            .Build();
        await using TestServer server = await TestServer.StartAsync(service);
        using GrpcChannel channel = server.Connect();
        using AsyncDuplexStreamingCall<StringValue, StringValue> connecting = channel.CreateCallInvoker().AsyncDuplexStreamingCall(Echo.Duplex, null, default);
        Assert.True(await connecting.ResponseStream.MoveNext());
        using AsyncDuplexStreamingCall<StringValue, StringValue> call = channel.CreateCallInvoker().AsyncDuplexStreamingCall(
            Echo.Duplex, null, new CallOptions(deadline: DateTime.UtcNow + Limit));

        Assert.True(await call.ResponseStream.MoveNext());
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext());
        Assert.Equal(StatusCode.DeadlineExceeded, e.StatusCode);
        Assert.Equal(StatusCode.DeadlineExceeded, call.GetStatus().StatusCode);
    }
}

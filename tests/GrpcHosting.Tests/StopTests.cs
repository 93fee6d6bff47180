using Google.Protobuf.WellKnownTypes;
using Grpc.Net.Client;

namespace Culvert.GrpcHosting.Tests;

/// <summary>What clients of streams see when their server stops.</summary>
public sealed class StopTests
{
    // A client that sees the connection's end before the status would do so now and then only.
    private const int Rounds = 20;

    [Fact(Timeout = 120_000)]
    public async Task AllStreamsEndWithUnavailable()
    {
        for (int round = 0; round < Rounds; round++)
        {
            await using TestServer server = await TestServer.StartAsync(Service());
            using GrpcChannel channel = server.Connect();
            CallInvoker invoker = channel.CreateCallInvoker();
            List<Task<RpcException>> duplexEnds = [], streamEnds = [];
            for (int i = 0; i < 8; i++)
            {
                AsyncDuplexStreamingCall<StringValue, StringValue> duplex = invoker.AsyncDuplexStreamingCall(Echo.Duplex, null, default);
                AsyncServerStreamingCall<StringValue> stream = invoker.AsyncServerStreamingCall(Echo.ServerStream, null, default, new StringValue());
                Assert.True(await duplex.ResponseStream.MoveNext());
                Assert.True(await stream.ResponseStream.MoveNext());
                duplexEnds.Add(Assert.ThrowsAsync<RpcException>(() => duplex.ResponseStream.MoveNext()));
                streamEnds.Add(Assert.ThrowsAsync<RpcException>(() => stream.ResponseStream.MoveNext()));
            }

            await server.StopAsync();
            Assert.All(await Task.WhenAll(duplexEnds), e => Assert.Equal((StatusCode.Unavailable, "The server is shutting down."), (e.StatusCode, e.Status.Detail)));

            // These clients have nothing left to say that the server could wait for: the connection may end before they have read why.
            Assert.All(await Task.WhenAll(streamEnds), e => Assert.Equal(StatusCode.Unavailable, e.StatusCode));
            Assert.Empty(server.Log.Entries);
        }
    }

    [Fact(Timeout = 30_000)]
    public async Task AStreamWhoseHandlerReturnsAtTheStopEndsWithUnavailable()
    {
        await using TestServer server = await TestServer.StartAsync(ServerServiceDefinition.CreateBuilder()
            .AddMethod(Echo.ServerStream, async (StringValue _, IServerStreamWriter<StringValue> responses, ServerCallContext context) =>
            {
                await responses.WriteAsync(new StringValue());
                await Task.Delay(Timeout.Infinite, context.CancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            })
            .Build());
        using GrpcChannel channel = server.Connect();
        using AsyncServerStreamingCall<StringValue> stream = channel.CreateCallInvoker().AsyncServerStreamingCall(Echo.ServerStream, null, default, new StringValue());
        Assert.True(await stream.ResponseStream.MoveNext());
        Task stop = server.StopAsync();
        Assert.Equal(StatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(() => stream.ResponseStream.MoveNext())).StatusCode);
        await stop;
    }

    // One reads without a token, the other waits for its own: both end.
    private static ServerServiceDefinition Service() => ServerServiceDefinition.CreateBuilder()
        .AddMethod(Echo.Duplex, async (IAsyncStreamReader<StringValue> requests, IServerStreamWriter<StringValue> responses, ServerCallContext _) =>
        {
            await responses.WriteAsync(new StringValue());
            await requests.MoveNext();
        })
        .AddMethod(Echo.ServerStream, async (StringValue _, IServerStreamWriter<StringValue> responses, ServerCallContext context) =>
        {
            await responses.WriteAsync(new StringValue());
            await Task.Delay(Timeout.Infinite, context.CancellationToken);
        })
        .Build();
}

using System.Net;
using Culvert.Tests.Shared;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Net.Client;

namespace Culvert.GrpcHosting.Tests;

/// <summary>Clients that do not read what they ask for.</summary>
[Trait("Category", "Attack")]
public sealed class StuckClientTests
{
    private static readonly TimeSpan WriteTimeout = TimeSpan.FromMilliseconds(300);
    private static readonly BytesValue Large = new() { Value = ByteString.CopyFrom(new byte[1024 * 1024]) };

    [Fact(Timeout = 30_000)]
    public async Task AStreamThatIsNotReadIsResetAndItsHandlerEnds()
    {
        TaskCompletionSource handlerEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TestServer server = await StartAsync(ServerServiceDefinition.CreateBuilder()
            .AddMethod(Echo.ServerBytes, async (BytesValue _, IServerStreamWriter<BytesValue> responses, ServerCallContext _) =>
            {
                try
                {
                    await responses.WriteAsync(Large);
                }
                finally
                {
                    handlerEnded.SetResult();
                }
            })
            .Build());
        await using ClosedWindowClient client = await ConnectAsync(server, Echo.ServerBytes.FullName);

        Assert.NotNull(await client.CallAsync([], isLast: true));
        await handlerEnded.Task;
    }

    [Fact(Timeout = 30_000)]
    public async Task AStreamThatIsSilentIsNotReset()
    {
        await using TestServer server = await StartAsync(ServerServiceDefinition.CreateBuilder()
            .AddMethod(Echo.Duplex, async (IAsyncStreamReader<StringValue> requests, IServerStreamWriter<StringValue> responses, ServerCallContext _) =>
            {
                await foreach (StringValue request in requests.ReadAllAsync()) await responses.WriteAsync(request);
            })
            .AddMethod(Echo.ServerBytes, (BytesValue _, IServerStreamWriter<BytesValue> responses, ServerCallContext _) => responses.WriteAsync(Large))
            .Build());
        using GrpcChannel channel = server.Connect();
        using AsyncDuplexStreamingCall<StringValue, StringValue> silent = channel.CreateCallInvoker().AsyncDuplexStreamingCall(Echo.Duplex, null, default);
        await silent.RequestStream.WriteAsync(new StringValue { Value = "one" });
        Assert.True(await silent.ResponseStream.MoveNext());

        // It has been silent for as long as these were stuck.
        await using ClosedWindowClient stuck = await ConnectAsync(server, Echo.ServerBytes.FullName);
        for (int i = 0; i < 3; i++) Assert.NotNull(await stuck.CallAsync([], isLast: true));

        await silent.RequestStream.WriteAsync(new StringValue { Value = "two" });
        Assert.True(await silent.ResponseStream.MoveNext());
        Assert.Equal("two", silent.ResponseStream.Current.Value);
        await silent.RequestStream.CompleteAsync();
        Assert.False(await silent.ResponseStream.MoveNext());
    }

    [Fact(Timeout = 30_000)]
    public async Task AStreamThatIsGivenUpByItsHandlerKeepsNothing()
    {
        // Without a limit on the client: the handler's own token ends the write.
        using CancellationTokenSource giveUp = new();
        await using TestServer server = await TestServer.StartAsync(ServerServiceDefinition.CreateBuilder()
            .AddMethod(Echo.ServerBytes, async (BytesValue _, IServerStreamWriter<BytesValue> responses, ServerCallContext _) =>
            {
                Task write = responses.WriteAsync(Large, giveUp.Token);
                await giveUp.CancelAsync();
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => write);
                await Assert.ThrowsAsync<InvalidOperationException>(() => responses.WriteAsync(Large));
                throw new RpcException(new Status(StatusCode.Aborted, "given up"));
            })
            .Build());
        await using ClosedWindowClient client = await ConnectAsync(server, Echo.ServerBytes.FullName);

        // The status would wait behind the message for ever.
        Assert.NotNull(await client.CallAsync([], isLast: true));
    }

    private static Task<TestServer> StartAsync(ServerServiceDefinition service) => TestServer.StartAsync(service, limits: o => o.WriteTimeout = WriteTimeout);

    private static Task<ClosedWindowClient> ConnectAsync(TestServer server, string method) =>
        ClosedWindowClient.ConnectAsync(new IPEndPoint(IPAddress.Loopback, server.Address.Port), method);
}

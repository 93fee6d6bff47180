using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Net.Client;

namespace Culvert.GrpcHosting.Tests;

/// <summary>Many calls at once, and readers that are slower than writers.</summary>
public sealed class LoadTests
{
    private const int MessageSize = 64 * 1024;

    [Theory(Timeout = 60_000)]
    [MemberData(nameof(CallTypeTests.Transports), MemberType = typeof(CallTypeTests))]
    public async Task AThousandUnaryCallsAtOnce(Transport transport)
    {
        await using TestServer server = await TestServer.StartAsync(Echo.Definition(), transport);
        using GrpcChannel channel = server.Connect();
        CallInvoker invoker = channel.CreateCallInvoker();
        StringValue[] responses = await Task.WhenAll(Enumerable.Range(0, 1_000).Select(
            i => invoker.AsyncUnaryCall(Echo.Unary, null, default, new StringValue { Value = i.ToString() }).ResponseAsync));
        Assert.Equal(Enumerable.Range(0, 1_000).Select(i => $"echo:{i}"), responses.Select(r => r.Value));
        Assert.Empty(server.Log.Entries);
    }

    [Fact(Timeout = 60_000)]
    public async Task ASlowClientSlowsTheServer()
    {
        const int total = 2_000;
        int written = 0;
        TaskCompletionSource stalled = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ServerServiceDefinition service = ServerServiceDefinition.CreateBuilder()
            .AddMethod(Echo.ServerBytes, async (BytesValue _, IServerStreamWriter<BytesValue> responses, ServerCallContext _) =>
            {
                BytesValue message = new() { Value = ByteString.CopyFrom(new byte[MessageSize]) };
                for (; written < total; written++)
                {
                    Task write = responses.WriteAsync(message);
                    if (!write.IsCompleted && written > 0)
                    {
                        stalled.TrySetResult();
                    }

                    await write;
                }
            })
            .Build();
        await using TestServer server = await TestServer.StartAsync(service);
        using GrpcChannel channel = server.Connect();
        using AsyncServerStreamingCall<BytesValue> call = channel.CreateCallInvoker().AsyncServerStreamingCall(Echo.ServerBytes, null, default, new BytesValue());
        Assert.True(await call.ResponseStream.MoveNext());
        await stalled.Task;
        // 125 MiB are offered; what is under way is bounded by the windows (16 MiB at most) and the buffer of the response.
        Assert.InRange(Volatile.Read(ref written), 0, total / 2);
        int read = 1;
        while (await call.ResponseStream.MoveNext())
        {
            read++;
        }

        Assert.Equal(total, read);
    }

    [Fact(Timeout = 60_000)]
    public async Task ASlowServerSlowsTheClient()
    {
        const int total = 1_000;
        TaskCompletionSource release = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ServerServiceDefinition service = ServerServiceDefinition.CreateBuilder()
            .AddMethod(Echo.DuplexBytes, async (IAsyncStreamReader<BytesValue> requests, IServerStreamWriter<BytesValue> responses, ServerCallContext _) =>
            {
                await release.Task;
                int count = 0;
                await foreach (BytesValue request in requests.ReadAllAsync())
                {
                    count += request.Value.Length;
                }

                await responses.WriteAsync(new BytesValue { Value = ByteString.CopyFrom(BitConverter.GetBytes(count)) });
            })
            .Build();
        await using TestServer server = await TestServer.StartAsync(service);
        using GrpcChannel channel = server.Connect();
        using AsyncDuplexStreamingCall<BytesValue, BytesValue> call = channel.CreateCallInvoker().AsyncDuplexStreamingCall(Echo.DuplexBytes, null, default);
        BytesValue message = new() { Value = ByteString.CopyFrom(new byte[MessageSize]) };
        int sent = 0;
        for (; sent < total; sent++)
        {
            Task write = call.RequestStream.WriteAsync(message);
            // No event tells that the windows are full: that a write does not end for a time is all there is to see.
            if (!release.Task.IsCompleted && await Task.WhenAny(write, Task.Delay(TimeSpan.FromSeconds(2))) != write) release.SetResult();

            await write;
        }

        Assert.True(release.Task.IsCompleted, "The client wrote 62 MiB to a server that read nothing.");
        await call.RequestStream.CompleteAsync();
        Assert.True(await call.ResponseStream.MoveNext());
        Assert.Equal(total * MessageSize, BitConverter.ToInt32(call.ResponseStream.Current.Value.Span));
    }
}

using Google.Protobuf.WellKnownTypes;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;

namespace Culvert.GrpcHosting.Tests;

/// <summary>Clients can't fill a server's log.</summary>
public sealed class LogTests
{
    [Fact(Timeout = 30_000)]
    public async Task ClientsThatLeaveAndSendGarbageAreNotLogged()
    {
        TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TestServer server = await TestServer.StartAsync(ServerServiceDefinition.CreateBuilder()
            .AddMethod(Echo.Unary, (StringValue request, ServerCallContext _) => Task.FromResult(request))
            .AddMethod(Echo.Duplex, async (IAsyncStreamReader<StringValue> requests, IServerStreamWriter<StringValue> responses, ServerCallContext _) =>
            {
                try
                {
                    await responses.WriteAsync(new StringValue());
                    await requests.MoveNext();
                }
                finally
                {
                    ended.SetResult();
                }
            })
            .Build());
        server.Log.Least = LogLevel.Information;
        server.Log.Category = "Grpc";
        using GrpcChannel channel = server.Connect();
        AsyncDuplexStreamingCall<StringValue, StringValue> call = channel.CreateCallInvoker().AsyncDuplexStreamingCall(Echo.Duplex, null, default);
        Assert.True(await call.ResponseStream.MoveNext());
        call.Dispose();
        await ended.Task;
        using RawClient client = new(server.Address);
        foreach (byte[] garbage in new byte[][] { [2, 0, 0, 0, 0], [0, 255, 255, 255, 255], RawClient.Frame([0xff, 0xff, 0xff]) })
        {
            using HttpResponseMessage response = await client.PostAsync(Echo.Unary.FullName, garbage);
            await response.Content.ReadAsByteArrayAsync();
            Assert.NotEqual("0", RawClient.Status(response));
        }
        await server.StopAsync();
        Assert.Empty(server.Log.Entries);
    }
}

using Google.Protobuf.WellKnownTypes;
using Grpc.Net.Client;

namespace Culvert.GrpcHosting.Tests;

/// <summary>Headers and trailers with text and bytes, repeated keys, and what is refused.</summary>
public sealed class MetadataTests
{
    [Fact(Timeout = 30_000)]
    public async Task HeadersAndTrailersGoBothWays()
    {
        byte[] bytes = [0, 1, 2, 250, 255];
        ServerServiceDefinition service = ServerServiceDefinition.CreateBuilder()
            .AddMethod(Echo.Unary, async (StringValue request, ServerCallContext context) =>
            {
                Metadata reply = [];
                foreach (Metadata.Entry entry in context.RequestHeaders.Where(e => e.Key.StartsWith("x-", StringComparison.Ordinal)))
                {
                    reply.Add(entry);
                    context.ResponseTrailers.Add(entry);
                }

                await context.WriteResponseHeadersAsync(reply);
                await Assert.ThrowsAsync<InvalidOperationException>(() => context.WriteResponseHeadersAsync(reply));
                return request;
            })
            .Build();
        await using TestServer server = await TestServer.StartAsync(service);
        using GrpcChannel channel = server.Connect();
        Metadata headers = new() { { "X-Text", "some text" }, { "x-many", "1" }, { "x-many", "2" }, { "x-raw-bin", bytes }, { "x-empty-bin", Array.Empty<byte>() } };
        using AsyncUnaryCall<StringValue> call = channel.CreateCallInvoker().AsyncUnaryCall(Echo.Unary, null, new CallOptions(headers), new StringValue());
        await call;

        foreach (Metadata received in new[] { await call.ResponseHeadersAsync, call.GetTrailers() })
        {
            Assert.Equal("some text", received.GetValue("x-text"));
            Assert.Equal(bytes, received.GetValueBytes("x-raw-bin"));
            Assert.Empty(received.GetValueBytes("x-empty-bin")!);
            // Repeated text may be joined on its way (RFC 9110 section 5.3).
            Assert.Equal("1, 2", string.Join(", ", received.GetAll("x-many").Select(e => e.Value)));
        }
    }

    [Fact(Timeout = 30_000)]
    public async Task BinaryHeadersThatAreNotBase64AreRefused()
    {
        ServerServiceDefinition service = ServerServiceDefinition.CreateBuilder()
            .AddMethod(Echo.Unary, (StringValue request, ServerCallContext context) => Task.FromResult(new StringValue { Value = context.RequestHeaders.Count.ToString() }))
            .Build();
        await using TestServer server = await TestServer.StartAsync(service);
        using RawClient client = new(server.Address);
        using HttpResponseMessage response = await client.PostAsync(Echo.Unary.FullName, RawClient.Frame([]), ("k-bin", "a?b"));
        Assert.Equal("13", RawClient.Status(response));
    }
}

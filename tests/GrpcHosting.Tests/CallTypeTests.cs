using Google.Protobuf.WellKnownTypes;
using Grpc.Net.Client;

namespace Culvert.GrpcHosting.Tests;

/// <summary>Every type of call over every transport.</summary>
public sealed class CallTypeTests
{
    public static TheoryData<Transport> Transports => new(Transport.Clear, Transport.Tls, Transport.Unix);

    [Theory(Timeout = 30_000)]
    [MemberData(nameof(Transports))]
    public async Task UnaryReturnsTheResponse(Transport transport)
    {
        await using TestServer server = await TestServer.StartAsync(Echo.Definition(), transport);
        using GrpcChannel channel = server.Connect();
        using AsyncUnaryCall<StringValue> call = channel.CreateCallInvoker().AsyncUnaryCall(Echo.Unary, null, default, new StringValue { Value = "a" });

        Assert.Equal("echo:a", (await call).Value);
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
        Assert.Empty(call.GetTrailers());
    }

    [Theory(Timeout = 30_000)]
    [MemberData(nameof(Transports))]
    public async Task ServerStreamDeliversAllMessagesInOrder(Transport transport)
    {
        await using TestServer server = await TestServer.StartAsync(Echo.Definition(), transport);
        using GrpcChannel channel = server.Connect();
        string[] sent = [.. Enumerable.Range(0, 500).Select(i => $"m{i}")];
        using AsyncServerStreamingCall<StringValue> call = channel.CreateCallInvoker()
            .AsyncServerStreamingCall(Echo.ServerStream, null, default, new StringValue { Value = string.Join(',', sent) });

        List<string> received = [];
        await foreach (StringValue message in call.ResponseStream.ReadAllAsync())
        {
            received.Add(message.Value);
        }

        Assert.Equal(sent, received);
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    [Theory(Timeout = 30_000)]
    [MemberData(nameof(Transports))]
    public async Task ClientStreamArrivesInOrder(Transport transport)
    {
        await using TestServer server = await TestServer.StartAsync(Echo.Definition(), transport);
        using GrpcChannel channel = server.Connect();
        using AsyncClientStreamingCall<StringValue, StringValue> call = channel.CreateCallInvoker().AsyncClientStreamingCall(Echo.ClientStream, null, default);
        for (int i = 0; i < 100; i++)
        {
            await call.RequestStream.WriteAsync(new StringValue { Value = i.ToString() });
        }

        await call.RequestStream.CompleteAsync();
        Assert.Equal(string.Join(',', Enumerable.Range(0, 100)), (await call).Value);
    }

    [Theory(Timeout = 30_000)]
    [MemberData(nameof(Transports))]
    public async Task DuplexGoesBackAndForth(Transport transport)
    {
        await using TestServer server = await TestServer.StartAsync(Echo.Definition(), transport);
        using GrpcChannel channel = server.Connect();
        using AsyncDuplexStreamingCall<StringValue, StringValue> call = channel.CreateCallInvoker().AsyncDuplexStreamingCall(Echo.Duplex, null, default);
        for (int i = 0; i < 50; i++)
        {
            await call.RequestStream.WriteAsync(new StringValue { Value = i.ToString() });
            Assert.True(await call.ResponseStream.MoveNext());
            Assert.Equal($"echo:{i}", call.ResponseStream.Current.Value);
        }

        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext());
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
        await Assert.ThrowsAsync<InvalidOperationException>(() => call.RequestStream.WriteAsync(new StringValue()));
    }
}

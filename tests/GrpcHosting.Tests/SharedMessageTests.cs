using System.Net;
using Culvert.Tests.Shared;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Net.Client;

namespace Culvert.GrpcHosting.Tests;

/// <summary>Messages that many receivers share, and what a server holds for receivers that do not read.</summary>
public sealed class SharedMessageTests
{
    private const int Length = 2 * 1024 * 1024;
    private const int Receivers = 40;

    // Measured: 5 MB for all of them, which is what the server holds of each response and its connections; a copy for each would
    // be 80 MB.
    private const long MostBytes = 16 * 1024 * 1024;

    private static readonly BytesValue Whole = new() { Value = ByteString.CopyFrom(RandomBytes(Length)) };

    // Protocol Buffers merge what follows each other: the field's tag and length, and its bytes.
    private static readonly ReadOnlyMemory<byte>[] Pieces = Cut(Whole.ToByteArray());

    private static readonly Marshaller<BytesValue> Shared = Marshallers.Create<BytesValue>(
        (_, context) => context.Complete(Pieces), context => BytesValue.Parser.ParseFrom(context.PayloadAsReadOnlySequence()));

    private static readonly Method<BytesValue, BytesValue> Stream = new(MethodType.ServerStreaming, Echo.Service, "SharedStream", Echo.ServerBytes.RequestMarshaller, Shared);

    private static readonly Method<BytesValue, BytesValue> Unary = new(MethodType.Unary, Echo.Service, "SharedUnary", Echo.ServerBytes.RequestMarshaller, Shared);

    [Fact(Timeout = 60_000)]
    [Trait("Category", "Attack")]
    public async Task ReceiversThatDoNotReadCostNoCopyOfTheMessage()
    {
        await using TestServer server = await TestServer.StartAsync(Service());
        IPEndPoint address = new(IPAddress.Loopback, server.Address.Port);
        using GrpcChannel channel = server.Connect();
        await ReadAsync(channel);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        List<ClosedWindowClient> clients = [];
        List<Task<int?>> ends = [];
        for (int i = 0; i < Receivers; i++)
        {
            clients.Add(await ClosedWindowClient.ConnectAsync(address, Stream.FullName));
            ends.Add(clients[i].CallAsync([], isLast: true));
            await clients[i].HeadersAsync();
        }

        // One that reads has the message after all the others have had theirs written as far as it goes.
        await ReadAsync(channel);
        long used = GC.GetTotalMemory(forceFullCollection: true) - before;
        TestContext.Current.TestOutputHelper?.WriteLine($"{used >> 10} KiB for {Receivers} receivers");
        Assert.All(ends, end => Assert.False(end.IsCompleted));
        Assert.InRange(used, long.MinValue, MostBytes);
        foreach (ClosedWindowClient client in clients) await client.DisposeAsync();
    }

    [Theory(Timeout = 30_000)]
    [InlineData(null)]
    [InlineData("gzip")]
    public async Task PiecesArriveAsOneMessage(string? compression)
    {
        await using TestServer server = await TestServer.StartAsync(Service(), options: o => o.ResponseCompressionAlgorithm = compression);
        using GrpcChannel channel = server.Connect();
        await ReadAsync(channel);
        Assert.Equal(Whole, await channel.CreateCallInvoker().AsyncUnaryCall(Unary, null, default, new BytesValue()));
    }

    [Fact(Timeout = 30_000)]
    public async Task AClientCopiesPieces()
    {
        await using TestServer server = await TestServer.StartAsync(Echo.Definition());
        using GrpcChannel channel = server.Connect();
        Method<BytesValue, BytesValue> method = new(MethodType.Unary, Echo.Service, Echo.UnaryBytes.Name, Shared, Echo.UnaryBytes.ResponseMarshaller);
        Assert.Equal(Whole, await channel.CreateCallInvoker().AsyncUnaryCall(method, null, default, new BytesValue()));
    }

    [Fact(Timeout = 30_000)]
    public async Task AMessageBeyondTheLimitIsNotSent()
    {
        await using TestServer server = await TestServer.StartAsync(Service(), options: o => o.MaxSendMessageSize = Length);
        using GrpcChannel channel = server.Connect();
        RpcException e = await Assert.ThrowsAsync<RpcException>(async () => await channel.CreateCallInvoker().AsyncUnaryCall(Unary, null, default, new BytesValue()));
        Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
    }

    private static async Task ReadAsync(GrpcChannel channel)
    {
        using AsyncServerStreamingCall<BytesValue> call = channel.CreateCallInvoker().AsyncServerStreamingCall(Stream, null, default, new BytesValue());
        for (int i = 0; i < 3; i++)
        {
            Assert.True(await call.ResponseStream.MoveNext());
            Assert.Equal(Whole, call.ResponseStream.Current);
        }
        Assert.False(await call.ResponseStream.MoveNext());
    }

    private static ServerServiceDefinition Service() => ServerServiceDefinition.CreateBuilder()
        .AddMethod(Stream, async (BytesValue _, IServerStreamWriter<BytesValue> responses, ServerCallContext context) =>
        {
            for (int i = 0; i < 3; i++) await responses.WriteAsync(Whole, context.CancellationToken);
        })
        .AddMethod(Unary, (BytesValue _, ServerCallContext _) => Task.FromResult(Whole))
        .Build();

    private static byte[] RandomBytes(int length)
    {
        byte[] bytes = new byte[length];
        new Random(17).NextBytes(bytes);
        return bytes;
    }

    private static ReadOnlyMemory<byte>[] Cut(byte[] encoded) => [encoded.AsMemory(0, 3), default, encoded.AsMemory(3, 40_000), encoded.AsMemory(40_003)];
}

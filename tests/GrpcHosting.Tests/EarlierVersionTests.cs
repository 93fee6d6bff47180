using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Google.Protobuf.WellKnownTypes;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Culvert.GrpcHosting.Tests;

/// <summary>Agents and controllers that have their own gRPC, as versions before the packages had it: the frames of their calls, and their responses.</summary>
public sealed class EarlierVersionTests
{
    private const byte Data = 0, Headers = 1, Settings = 4;
    private const byte EndStream = 1, EndHeaders = 4, Acknowledge = 1;

    [Fact(Timeout = 30_000)]
    public async Task AStreamOfAnEarlierAgentIsServed()
    {
        await using TestServer server = await TestServer.StartAsync(Echo.Definition());
        using TcpClient tcp = new();
        await tcp.ConnectAsync(server.Address.Host, server.Address.Port, TestContext.Current.CancellationToken);
        NetworkStream stream = tcp.GetStream();
        await stream.WriteAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
        await SendAsync(stream, Settings, 0, 0, []);
        (string, string)[] headers =
        [
            (":method", "POST"), (":scheme", "http"), (":authority", "localhost"), (":path", Echo.Duplex.FullName), ("te", "trailers"),
            ("grpc-accept-encoding", "identity,gzip"), ("user-agent", "culvert-grpc/1.0"), ("content-type", "application/grpc"),
        ];
        await SendAsync(stream, Headers, EndHeaders, 1, [.. headers.SelectMany(Literal)]);

        // StringValue{ value: "a" } is 0a 01 61.
        await SendAsync(stream, Data, 0, 1, RawClient.Frame([0x0a, 1, (byte)'a']));
        (byte type, byte flags, byte[] payload) = await NextAsync(stream);
        Assert.Equal((Headers, EndHeaders), (type, flags));
        (type, flags, payload) = await NextAsync(stream);
        Assert.Equal((Data, 0), (type, flags));
        Assert.Equal([0, 0, 0, 0, 8, 0x0a, 6, .. "echo:a"u8], payload);

        await SendAsync(stream, Data, EndStream, 1, []);
        (type, flags, payload) = await NextAsync(stream);
        Assert.Equal((Headers, EndHeaders | EndStream), (type, flags));
        Assert.NotEqual(-1, payload.AsSpan().IndexOf("grpc-status"u8));
    }

    [Fact(Timeout = 30_000)]
    public async Task TheResponsesOfAnEarlierControllerAreRead()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        await using WebApplication app = builder.Build();
        app.Run(async context =>
        {
            context.Response.ContentType = "application/grpc";
            context.Response.Headers["grpc-accept-encoding"] = "identity,gzip";
            if (context.Request.Headers.ContainsKey("refuse"))
            {
                // All in the headers.
                context.Response.Headers["grpc-status"] = "10";
                context.Response.Headers["grpc-message"] = "replaced by 100 %25";
                context.Response.Headers["grpc-retry-pushback-ms"] = "10000";
                return;
            }
            for (int i = 0; i < 2; i++) await context.Response.Body.WriteAsync(RawClient.Frame([0x0a, 1, (byte)('a' + i)]));
            context.Response.AppendTrailer("grpc-status", "14");
            context.Response.AppendTrailer("grpc-message", "The server is shutting down.");
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        using GrpcChannel channel = GrpcChannel.ForAddress(app.Urls.Single(), new() { HttpHandler = GrpcSocketsHandler.Create(), DisposeHttpClient = true });
        CallInvoker invoker = channel.CreateCallInvoker();
        using AsyncDuplexStreamingCall<StringValue, StringValue> call = invoker.AsyncDuplexStreamingCall(Echo.Duplex, null, default);
        Assert.True(await call.ResponseStream.MoveNext());
        Assert.Equal("a", call.ResponseStream.Current.Value);
        Assert.True(await call.ResponseStream.MoveNext());
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext());
        Assert.Equal((StatusCode.Unavailable, "The server is shutting down."), (e.StatusCode, e.Status.Detail));

        CallOptions refused = new(new Metadata { { "refuse", "1" } });
        e = await Assert.ThrowsAsync<RpcException>(async () => await invoker.AsyncUnaryCall(Echo.Unary, null, refused, new StringValue()));
        Assert.Equal((StatusCode.Aborted, "replaced by 100 %", "10000"), (e.StatusCode, e.Status.Detail, e.Trailers.GetValue("grpc-retry-pushback-ms")));
    }

    // A literal without an index, not Huffman-coded (RFC 7541, 6.2.2); nothing here has 127 bytes.
    private static IEnumerable<byte> Literal((string Name, string Value) header) =>
        [0, (byte)header.Name.Length, .. System.Text.Encoding.ASCII.GetBytes(header.Name), (byte)header.Value.Length, .. System.Text.Encoding.ASCII.GetBytes(header.Value)];

    private static async Task SendAsync(NetworkStream to, byte type, byte flags, int stream, byte[] payload)
    {
        byte[] frame = new byte[9 + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length << 8);
        (frame[3], frame[4]) = (type, flags);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame, 9);
        await to.WriteAsync(frame, TestContext.Current.CancellationToken);
    }

    /// <summary>The next frame of the call.</summary>
    private static async Task<(byte Type, byte Flags, byte[] Payload)> NextAsync(NetworkStream from)
    {
        byte[] header = new byte[9];
        while (true)
        {
            await from.ReadExactlyAsync(header, TestContext.Current.CancellationToken);
            byte[] payload = new byte[BinaryPrimitives.ReadInt32BigEndian(header) >>> 8];
            await from.ReadExactlyAsync(payload, TestContext.Current.CancellationToken);
            if (header[3] == Settings && (header[4] & Acknowledge) == 0) await SendAsync(from, Settings, Acknowledge, 0, []);
            if (BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(5)) == 1 && header[3] is Data or Headers) return (header[3], header[4], payload);
        }
    }
}

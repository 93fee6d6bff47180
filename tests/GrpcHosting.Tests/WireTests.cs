using System.IO.Compression;
using System.Net;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Net.Client;

namespace Culvert.GrpcHosting.Tests;

/// <summary>What stands on the wire, seen by a client that knows HTTP/2 only.</summary>
public sealed class WireTests
{
    [Fact(Timeout = 30_000)]
    public async Task ASuccessfulCallHasHeadersMessageAndTrailers()
    {
        await using TestServer server = await TestServer.StartAsync(Echo.Definition());
        using RawClient client = new(server.Address);
        // StringValue{ value: "a" } is 0a 01 61.
        using HttpResponseMessage response = await client.PostAsync(Echo.Unary.FullName, RawClient.Frame([0x0a, 1, (byte)'a']), ("te", "trailers"));
        byte[] body = await response.Content.ReadAsByteArrayAsync();

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("application/grpc", response.Content.Headers.ContentType!.ToString());
        Assert.Equal([0, 0, 0, 0, 8, 0x0a, 6, .. "echo:a"u8], body);
        Assert.False(response.Headers.Contains("grpc-status"));
        Assert.Equal("0", response.TrailingHeaders.GetValues("grpc-status").Single());
    }

    [Fact(Timeout = 30_000)]
    public async Task AnErrorWithoutMessagesIsTrailersOnly()
    {
        ServerServiceDefinition service = ServerServiceDefinition.CreateBuilder()
            .AddMethod(Echo.Unary, (StringValue _, ServerCallContext _) => throw new RpcException(new Status(StatusCode.NotFound, "no %")))
            .Build();
        await using TestServer server = await TestServer.StartAsync(service);
        using RawClient client = new(server.Address);
        using HttpResponseMessage response = await client.PostAsync(Echo.Unary.FullName, RawClient.Frame([]));
        byte[] body = await response.Content.ReadAsByteArrayAsync();

        Assert.Empty(body);
        Assert.Equal("5", response.Headers.GetValues("grpc-status").Single());
        Assert.Equal("no %25", response.Headers.GetValues("grpc-message").Single());
        Assert.Empty(response.TrailingHeaders);
    }

    [Fact(Timeout = 30_000)]
    public async Task RequestsThatAreNotGrpcGetHttpErrors()
    {
        await using TestServer server = await TestServer.StartAsync(Echo.Definition());
        using RawClient client = new(server.Address);
        using HttpResponseMessage json = await client.SendAsync(HttpMethod.Post, Echo.Unary.FullName, [], "application/json");
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, json.StatusCode);
        using HttpResponseMessage web = await client.SendAsync(HttpMethod.Post, Echo.Unary.FullName, [], "application/grpc-web");
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, web.StatusCode);
        using HttpResponseMessage get = await client.SendAsync(HttpMethod.Get, Echo.Unary.FullName, [], "application/grpc");
        Assert.Equal(HttpStatusCode.NotFound, get.StatusCode);
        using HttpResponseMessage proto = await client.SendAsync(HttpMethod.Post, Echo.Unary.FullName, RawClient.Frame([]), "application/grpc+proto");
        await proto.Content.ReadAsByteArrayAsync();
        Assert.Equal("0", RawClient.Status(proto));
    }

    [Theory(Timeout = 30_000)]
    [InlineData("", "13")] // no message
    [InlineData("0000", "13")] // part of a prefix
    [InlineData("000000000a01", "13")] // part of a payload
    [InlineData("0200000000", "2")] // unknown flag
    [InlineData("0000000003ffffff", "2")] // a payload that is no message
    [InlineData("0100000000", "13")] // compressed without an encoding
    [InlineData("00ffffffff", "2")] // absurd length
    [InlineData("0000000000" + "0000000000", "13")] // two messages for a unary method
    public async Task MalformedRequestsAreRefused(string hex, string status)
    {
        await using TestServer server = await TestServer.StartAsync(Echo.Definition());
        using RawClient client = new(server.Address);
        using HttpResponseMessage response = await client.PostAsync(Echo.Unary.FullName, Convert.FromHexString(hex));
        await response.Content.ReadAsByteArrayAsync();
        Assert.Equal(status, RawClient.Status(response));
        Assert.Empty(server.Log.Entries);
    }

    [Fact(Timeout = 30_000)]
    public async Task GzipIsUnderstoodAndAnswered()
    {
        await using TestServer server = await TestServer.StartAsync(Echo.Definition(), options: o => o.ResponseCompressionAlgorithm = "gzip");
        using GrpcChannel channel = server.Connect();
        Metadata headers = new() { { "grpc-internal-encoding-request", "gzip" } };
        BytesValue request = new() { Value = ByteString.CopyFrom(new byte[200_000]) };
        Assert.Equal(request, await channel.CreateCallInvoker().AsyncUnaryCall(Echo.UnaryBytes, null, new CallOptions(headers), request));

        using RawClient client = new(server.Address);
        using HttpResponseMessage response = await client.PostAsync(
            Echo.UnaryBytes.FullName, RawClient.Frame(request.ToByteArray()), ("grpc-accept-encoding", "gzip"));
        byte[] body = await response.Content.ReadAsByteArrayAsync();
        Assert.Equal("gzip", RawClient.Header(response, "grpc-encoding"));
        Assert.Equal(1, body[0]);
        Assert.InRange(body.Length, 1, 5_000);
    }

    [Fact(Timeout = 30_000)]
    public async Task ADecompressionBombIsStoppedAtTheLimit()
    {
        await using TestServer server = await TestServer.StartAsync(Echo.Definition());
        using RawClient client = new(server.Address);
        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            gzip.Write(new byte[64 * 1024 * 1024]);
        }

        using HttpResponseMessage response = await client.PostAsync(
            Echo.UnaryBytes.FullName, RawClient.Frame(packed.ToArray(), flag: 1), ("grpc-encoding", "gzip"));
        Assert.Equal("8", RawClient.Status(response));
    }
}

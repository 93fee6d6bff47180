using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>Kestrel and the HTTP client of .NET, both by HTTP/2, which know nothing of the two proxies between them.</summary>
public sealed class Http2PeerTests : IAsyncLifetime
{
    private readonly ProxyPair _pair = new();
    private readonly WebApplication _server;
    private readonly HttpClient _client;

    public Http2PeerTests()
    {
        _pair.Destination.ApplicationProtocol = "kubernetes.io/h2c";
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(options =>
        {
            options.Listen(_pair.DestinationAddress, 0, o => o.Protocols = HttpProtocols.Http2);
            options.Limits.MaxRequestBodySize = null;
            options.Limits.MinRequestBodyDataRate = null;
            options.Limits.MinResponseDataRate = null;
        });
        _server = builder.Build();
        _server.Map("/echo", EchoAsync);
        _server.Map("/headers", (HttpContext context) => string.Join('\n', context.Request.Headers.Select(h => $"{h.Key}: {h.Value}").Order(StringComparer.Ordinal)));
        _server.Map("/slow", async (HttpContext context) => await Task.Delay(Timeout.Infinite, context.RequestAborted));
        _client = new HttpClient(new SocketsHttpHandler { ConnectCallback = ConnectAsync })
        {
            BaseAddress = new Uri("http://shop/"),
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
    }

    public async ValueTask InitializeAsync()
    {
        await _server.StartAsync();
        _pair.RouteTo(new Uri(_server.Urls.Single()).Port);
        _pair.Source.Route = Http2Route(_pair.Source.Route);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
        await _pair.DisposeAsync();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1 << 20)]
    [InlineData(50_000_000)]
    public async Task BodiesPassBothWaysWithTheirSumsAndTrailers(int length)
    {
        byte[] body = new byte[length];
        new Random(length).NextBytes(body);
        using HttpRequestMessage request = new(HttpMethod.Post, "echo") { Content = new ByteArrayContent(body), Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        using HttpResponseMessage response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal((HttpStatusCode.OK, HttpVersion.Version20), (response.StatusCode, response.Version));
        Assert.Equal(SHA256.HashData(body), SHA256.HashData(await response.Content.ReadAsByteArrayAsync()));
        Assert.Equal($"{length}", Assert.Single(response.TrailingHeaders.GetValues("length")));
        await SocketExtensions.EventuallyAsync(() => _pair.Source.Requests.Contains((200, null)) && _pair.Destination.Requests.Contains((200, null)));
    }

    [Fact]
    public async Task ManyRequestsShareAConnection()
    {
        await Task.WhenAll(Enumerable.Range(0, 80).Select(async i =>
        {
            for (int j = 0; j < 25; j++) Assert.Equal($"{i} {j}", await EchoTextAsync($"{i} {j}"));
        }));
        Assert.Single(_pair.Source.Opened);
    }

    [Fact]
    public async Task LargeBodiesSideBySideArriveWhole()
    {
        byte[] body = new byte[4 << 20];
        new Random(7).NextBytes(body);
        byte[] sum = SHA256.HashData(body);
        await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ =>
        {
            using HttpResponseMessage response = await _client.PostAsync(new Uri("echo", UriKind.Relative), new ByteArrayContent(body));
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal(sum, SHA256.HashData(await response.Content.ReadAsByteArrayAsync()));
        }));
    }

    [Fact]
    public async Task ARequestThatIsGivenUpIsGivenUpAtItsServerToo()
    {
        using CancellationTokenSource patience = new();
        Task<HttpResponseMessage> slow = _client.GetAsync(new Uri("slow", UriKind.Relative), patience.Token);
        Assert.Equal("others go on", await EchoTextAsync("others go on"));
        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => slow);
        await SocketExtensions.EventuallyAsync(() => _pair.Destination.Requests.Contains((0, null)));
    }

    [Fact]
    public async Task AServerThatHasGoneIsToldSo()
    {
        Assert.Equal("here", await EchoTextAsync("here"));
        await _server.StopAsync();
        using HttpResponseMessage response = await _client.GetAsync(new Uri("headers", UriKind.Relative));
        AssertRefused(response, HttpStatusCode.ServiceUnavailable, "destination_unavailable", "connect-failed");
        Assert.Contains((503, "destination_unavailable"), _pair.Source.Requests);
    }

    [Fact]
    public async Task WhatPolicyDeniesOnTheServersNodeIsToldSo()
    {
        _pair.Destination.Allowed = false;
        using HttpResponseMessage response = await _client.GetAsync(new Uri("headers", UriKind.Relative));
        AssertRefused(response, HttpStatusCode.Forbidden, "http_request_denied", "policy-denied");
    }

    [Fact]
    public async Task CallersOfGrpcHaveAStatusOfTheirOwn()
    {
        _pair.Destination.Allowed = false;
        using HttpRequestMessage call = new(HttpMethod.Post, "pkg.Shop/Buy") { Content = new ByteArrayContent([0, 0, 0, 0, 0]), Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        call.Content.Headers.Add("content-type", "application/grpc");
        using HttpResponseMessage response = await _client.SendAsync(call);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("7", Assert.Single(response.Headers.GetValues("grpc-status")));
        Assert.Equal("the server was not reached: policy-denied", Assert.Single(response.Headers.GetValues("grpc-message")));
    }

    [Fact]
    public async Task AClientThatSpeaksHttp1IsTurnedAway()
    {
        using Socket socket = await _pair.ConnectClientAsync();
        await socket.SendAllAsync("GET / HTTP/1.1\r\nhost: shop\r\n\r\n"u8.ToArray());
        List<byte> said = [];
        byte[] buffer = new byte[100];
        for (int count; (count = await socket.ReceiveAsync(buffer)) > 0;) said.AddRange(buffer[..count]);
        List<byte> types = [];
        for (int at = 0; at < said.Count; at += 9 + (said[at] << 16) + (said[at + 1] << 8) + said[at + 2]) types.Add(said[at + 3]);
        Assert.Equal(4, types[0]); // SETTINGS
        Assert.Equal(7, types[^1]); // GOAWAY
    }

    private static void AssertRefused(HttpResponseMessage response, HttpStatusCode status, string error, string reason)
    {
        Assert.Equal(status, response.StatusCode);
        Assert.Equal($"culvert; error={error}; details=\"the server was not reached: {reason}\"", Assert.Single(response.Headers.GetValues("proxy-status")));
    }

    private static Func<SocketEndPoint, OutboundRoute> Http2Route(Func<SocketEndPoint, OutboundRoute> route) =>
        destination => route(destination) with { ApplicationProtocol = "kubernetes.io/h2c" };

    private static async Task EchoAsync(HttpContext context)
    {
        // The client reads nothing before it has sent all, so that what was echoed at once would stand still.
        using MemoryStream body = new();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        body.Position = 0;
        await body.CopyToAsync(context.Response.Body, context.RequestAborted);
        context.Response.AppendTrailer("length", $"{body.Length}");
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        Socket socket = new(_pair.Entry.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(_pair.Entry, cancellationToken);
        return new NetworkStream(socket, ownsSocket: true);
    }

    private async Task<string> EchoTextAsync(string text)
    {
        using HttpResponseMessage response = await _client.PostAsync(new Uri("echo", UriKind.Relative), new StringContent(text));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await response.Content.ReadAsStringAsync();
    }
}

using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>Kestrel and the HTTP client of .NET, which know nothing of the two proxies between them.</summary>
public sealed class HttpPeerTests : IAsyncLifetime
{
    private readonly ProxyPair _pair = new();
    private readonly WebApplication _server;
    private readonly HttpClient _client;

    public HttpPeerTests()
    {
        _pair.Destination.ApplicationProtocol = "http";
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(options =>
        {
            options.Listen(_pair.DestinationAddress, 0, o => o.Protocols = HttpProtocols.Http1);
            options.Limits.MaxRequestBodySize = null;
        });
        _server = builder.Build();
        _server.UseWebSockets();
        _server.Map("/echo", EchoAsync);
        _server.Map("/headers", (HttpContext context) => string.Join('\n', context.Request.Headers.Select(h => $"{h.Key}: {h.Value}").Order(StringComparer.Ordinal)));
        _server.Map("/chat", ChatAsync);
        _server.Map("/status/{code}", (int code) => Results.StatusCode(code));
        _client = new HttpClient(new SocketsHttpHandler { ConnectCallback = ConnectAsync, Expect100ContinueTimeout = TimeSpan.FromSeconds(30) }) { BaseAddress = new Uri("http://shop/") };
    }

    public async ValueTask InitializeAsync()
    {
        await _server.StartAsync();
        int port = new Uri(_server.Urls.Single()).Port;
        _pair.RouteTo(port);
        _pair.Source.Route = HttpRoute(_pair.Source.Route);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
        await _pair.DisposeAsync();
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, false)]
    [InlineData(16 << 10, true)]
    [InlineData(1 << 20, false)]
    [InlineData(1 << 20, true)]
    [InlineData(50_000_000, false)]
    [InlineData(50_000_000, true)]
    public async Task BodiesPassBothWaysWithTheirSums(int length, bool inChunks)
    {
        byte[] body = new byte[length];
        new Random(length).NextBytes(body);
        using HttpRequestMessage request = new(HttpMethod.Post, $"echo?chunks={inChunks}") { Content = new ByteArrayContent(body) };
        request.Headers.TransferEncodingChunked = inChunks;
        using HttpResponseMessage response = await _client.SendAsync(request);
        Assert.Equal(inChunks, response.Headers.TransferEncodingChunked ?? false);
        Assert.Equal(SHA256.HashData(body), SHA256.HashData(await response.Content.ReadAsByteArrayAsync()));
    }

    [Fact]
    public async Task OneConnectionServesManyRequests()
    {
        for (int i = 0; i < 300; i++) Assert.Equal($"{i}", await EchoTextAsync($"{i}"));
        Assert.Single(_pair.Source.Opened);
    }

    [Fact]
    public async Task ManyConnectionsServeManyRequests()
    {
        await Task.WhenAll(Enumerable.Range(0, 50).Select(async i =>
        {
            for (int j = 0; j < 40; j++) Assert.Equal($"{i} {j}", await EchoTextAsync($"{i} {j}"));
        }));
    }

    [Fact]
    public async Task ABodyIsAskedForBeforeItIsSent()
    {
        using HttpRequestMessage request = new(HttpMethod.Post, "echo") { Content = new StringContent("asked for") };
        request.Headers.ExpectContinue = true;
        using HttpResponseMessage response = await _client.SendAsync(request);
        Assert.Equal("asked for", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task AnswersWithoutABodyEndWithTheirHeads()
    {
        using HttpResponseMessage head = await _client.SendAsync(new HttpRequestMessage(HttpMethod.Head, "headers"));
        Assert.Equal(HttpStatusCode.OK, head.StatusCode);
        foreach (int status in (int[])[204, 304, 404]) Assert.Equal(status, (int)(await _client.GetAsync(new Uri($"status/{status}", UriKind.Relative))).StatusCode);
        Assert.Single(_pair.Source.Opened);
    }

    [Fact]
    public async Task WebSocketsPass()
    {
        using ClientWebSocket socket = new();
        using HttpMessageInvoker invoker = new(new SocketsHttpHandler { ConnectCallback = ConnectAsync });
        await socket.ConnectAsync(new Uri("ws://shop/chat"), invoker, CancellationToken.None);
        byte[] received = new byte[100];
        for (int i = 0; i < 50; i++)
        {
            await socket.SendAsync(Encoding.ASCII.GetBytes($"message {i}"), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);
            WebSocketReceiveResult result = await socket.ReceiveAsync(received, CancellationToken.None);
            Assert.Equal($"message {i}", Encoding.ASCII.GetString(received, 0, result.Count));
        }

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
        Assert.Equal(WebSocketState.Closed, socket.State);
    }

    [Fact]
    public async Task AServerThatHasGoneIsToldSo()
    {
        Assert.Equal("here", await EchoTextAsync("here"));
        await _server.StopAsync();
        using HttpResponseMessage response = await _client.GetAsync(new Uri("headers", UriKind.Relative));
        await AssertRefusedAsync(response, HttpStatusCode.ServiceUnavailable, "destination_unavailable", "connect-failed");
        await SocketExtensions.EventuallyAsync(() => _pair.Source.Failed.Any(f => f.Failure == ProxyFailure.ConnectFailed));
        Assert.Contains((503, "destination_unavailable"), _pair.Source.Requests);
    }

    [Fact]
    public async Task WhatPolicyDeniesOnTheServersNodeIsToldSo()
    {
        _pair.Destination.Allowed = false;
        using HttpResponseMessage response = await _client.GetAsync(new Uri("headers", UriKind.Relative));
        await AssertRefusedAsync(response, HttpStatusCode.Forbidden, "http_request_denied", "policy-denied");
    }

    [Fact]
    public async Task WhatAnswersHeadInTheServersPlaceHasNoBody()
    {
        _pair.RoutePlain(1);
        _pair.Source.Route = HttpRoute(_pair.Source.Route);
        using HttpResponseMessage response = await _client.SendAsync(new HttpRequestMessage(HttpMethod.Head, "headers"));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.StartsWith("culvert; error=connection_refused;", Assert.Single(response.Headers.GetValues("proxy-status")), StringComparison.Ordinal);
        Assert.Equal("", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task AClientOfVersion10WithoutAHostIsServedAcrossNodes()
    {
        using Socket socket = await _pair.ConnectClientAsync();
        await socket.SendAllAsync("GET /status/204 HTTP/1.0\r\n\r\n"u8.ToArray());
        Assert.Equal("HTTP/1.1 204", Encoding.ASCII.GetString(await socket.ReceiveExactlyAsync(12)));
    }

    private static async Task AssertRefusedAsync(HttpResponseMessage response, HttpStatusCode status, string error, string reason)
    {
        Assert.Equal(status, response.StatusCode);
        Assert.Equal($"culvert; error={error}; details=\"the server was not reached: {reason}\"", Assert.Single(response.Headers.GetValues("proxy-status")));
        Assert.Equal($"{(int)status} from culvert: the server was not reached: {reason}\n", await response.Content.ReadAsStringAsync());
    }

    private static Func<SocketEndPoint, OutboundRoute> HttpRoute(Func<SocketEndPoint, OutboundRoute> route) =>
        destination => route(destination) with { ApplicationProtocol = "http" };

    private static async Task EchoAsync(HttpContext context)
    {
        if (!context.Request.Query["chunks"].Contains("True")) context.Response.ContentLength = context.Request.ContentLength;
        // The client reads nothing before it has sent all, so that what was echoed at once would stand still.
        using MemoryStream body = new();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        body.Position = 0;
        await body.CopyToAsync(context.Response.Body, context.RequestAborted);
    }

    private static async Task ChatAsync(HttpContext context)
    {
        using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync();
        byte[] buffer = new byte[100];
        while (await socket.ReceiveAsync(buffer, context.RequestAborted) is { MessageType: not WebSocketMessageType.Close } message)
            await socket.SendAsync(buffer.AsMemory(0, message.Count), message.MessageType, message.EndOfMessage, context.RequestAborted);
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, context.RequestAborted);
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
        return await response.Content.ReadAsStringAsync();
    }
}

using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.Protocol.ExternalAuthorization;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>An external authorizer, on Kestrel, that does what a test says.</summary>
internal sealed class AuthorizerServer : IAsyncDisposable
{
    private readonly WebApplication _server;

    private AuthorizerServer(WebApplication server, int port) => (_server, Route) = (server, OutboundRoute.Passthrough(new SocketEndPoint(IPAddress.Loopback, port)));

    /// <summary>The way there.</summary>
    internal OutboundRoute Route { get; }

    /// <summary>What gRPC authorizers were asked.</summary>
    internal ConcurrentQueue<CheckRequest> Asked { get; } = [];

    /// <summary>Starts one.</summary>
    /// <param name="protocol">What it speaks.</param>
    /// <param name="application">What it does.</param>
    internal static async Task<AuthorizerServer> StartAsync(ExternalAuthorizerProtocol protocol, RequestDelegate application)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(options => options.Listen(IPAddress.Loopback, 0, o => o.Protocols = protocol == ExternalAuthorizerProtocol.Grpc ? HttpProtocols.Http2 : HttpProtocols.Http1));
        WebApplication server = builder.Build();
        server.Run(application);
        await server.StartAsync();
        return new AuthorizerServer(server, new Uri(server.Urls.Single()).Port);
    }

    /// <summary>Starts one that speaks gRPC.</summary>
    /// <param name="answer">What it answers to a question; null: nothing.</param>
    internal static async Task<AuthorizerServer> StartGrpcAsync(Func<CheckRequest, Task<CheckResponse>> answer)
    {
        ConcurrentQueue<CheckRequest> asked = [];
        AuthorizerServer server = await StartAsync(ExternalAuthorizerProtocol.Grpc, async context =>
        {
            Assert.Equal("/envoy.service.auth.v3.Authorization/Check", context.Request.Path);
            CheckRequest request = CheckRequest.Parser.ParseFrom(await MessageOfAsync(context));
            asked.Enqueue(request);
            await AnswerAsync(context, (await answer(request)).ToByteArray());
        });
        return new AuthorizerServer(server._server, server.Route.Target.Port, asked);
    }

    private AuthorizerServer(WebApplication server, int port, ConcurrentQueue<CheckRequest> asked)
        : this(server, port) => Asked = asked;

    /// <summary>The message of a call of gRPC.</summary>
    internal static async Task<byte[]> MessageOfAsync(HttpContext context)
    {
        MemoryStream body = new();
        await context.Request.Body.CopyToAsync(body);
        byte[] bytes = body.ToArray();
        Assert.Equal(bytes.Length - 5, BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(1)));
        return bytes[5..];
    }

    /// <summary>Answers a call of gRPC.</summary>
    internal static async Task AnswerAsync(HttpContext context, byte[] message, string status = "0")
    {
        byte[] framed = new byte[5 + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(framed.AsSpan(1), message.Length);
        message.CopyTo(framed, 5);
        context.Response.ContentType = "application/grpc";
        await context.Response.Body.WriteAsync(framed);
        context.Response.AppendTrailer("grpc-status", status);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();
}

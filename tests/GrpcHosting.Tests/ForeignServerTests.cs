using System.Net;
using Google.Protobuf.WellKnownTypes;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Culvert.GrpcHosting.Tests;

/// <summary>The client against servers that answer with something else than a well-formed call.</summary>
public sealed class ForeignServerTests
{
    [Theory(Timeout = 30_000)]
    [InlineData(400, StatusCode.Internal)]
    [InlineData(401, StatusCode.Unauthenticated)]
    [InlineData(403, StatusCode.PermissionDenied)]
    [InlineData(404, StatusCode.Unimplemented)]
    [InlineData(429, StatusCode.Unavailable)]
    [InlineData(502, StatusCode.Unavailable)]
    [InlineData(503, StatusCode.Unavailable)]
    [InlineData(504, StatusCode.Unavailable)]
    [InlineData(500, StatusCode.Unknown)]
    [InlineData(302, StatusCode.Unknown)]
    public Task HttpErrorsAreMapped(int http, StatusCode expected) => ExpectAsync(expected, context =>
    {
        context.Response.StatusCode = http;
        return Task.CompletedTask;
    });

    [Theory(Timeout = 30_000)]
    [InlineData(0x0, StatusCode.Unavailable)]
    [InlineData(0x1, StatusCode.Internal)]
    [InlineData(0x2, StatusCode.Internal)]
    [InlineData(0x8, StatusCode.Cancelled)]
    [InlineData(0xb, StatusCode.ResourceExhausted)]
    [InlineData(0xc, StatusCode.PermissionDenied)]
    public Task StreamResetsAreMapped(int errorCode, StatusCode expected) => ExpectAsync(expected, context =>
    {
        context.Features.GetRequiredFeature<IHttpResetFeature>().Reset(errorCode);
        return Task.CompletedTask;
    });

    [Fact(Timeout = 30_000)]
    public Task AnotherContentTypeIsUnknown() => ExpectAsync(StatusCode.Unknown, context => context.Response.WriteAsJsonAsync("x"));

    [Fact(Timeout = 30_000)]
    public Task MissingTrailersAreUnknown() => ExpectAsync(StatusCode.Unknown, async context =>
    {
        context.Response.ContentType = "application/grpc";
        await context.Response.Body.WriteAsync(RawClient.Frame([]));
    });

    [Fact(Timeout = 30_000)]
    public Task SuccessWithoutAMessageIsInternal() => ExpectAsync(StatusCode.Internal, context =>
    {
        context.Response.ContentType = "application/grpc";
        context.Response.Headers["grpc-status"] = "0";
        return Task.CompletedTask;
    });

    [Fact(Timeout = 30_000)]
    public Task TwoMessagesForAUnaryCallAreInternal() => ExpectAsync(StatusCode.Internal, async context =>
    {
        context.Response.ContentType = "application/grpc";
        await context.Response.Body.WriteAsync(RawClient.Frame([]));
        await context.Response.Body.WriteAsync(RawClient.Frame([]));
        context.Response.AppendTrailer("grpc-status", "0");
    });

    [Fact(Timeout = 30_000)]
    public Task ATruncatedMessageIsInternal() => ExpectAsync(StatusCode.Internal, async context =>
    {
        context.Response.ContentType = "application/grpc";
        await context.Response.Body.WriteAsync(new byte[] { 0, 0, 0, 0, 9, 1 });
        context.Response.AppendTrailer("grpc-status", "0");
    });

    [Fact(Timeout = 30_000)]
    public Task AStatusBeyondTheKnownOnesIsUnknown() => ExpectAsync(StatusCode.Unknown, context =>
    {
        context.Response.ContentType = "application/grpc";
        context.Response.Headers["grpc-status"] = "4711";
        return Task.CompletedTask;
    });

    private static async Task ExpectAsync(StatusCode expected, RequestDelegate answer)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        await using WebApplication app = builder.Build();
        app.Run(answer);
        await app.StartAsync();
        using GrpcChannel channel = GrpcChannel.ForAddress(app.Urls.Single());
        RpcException e = await Assert.ThrowsAsync<RpcException>(
            async () => await channel.CreateCallInvoker().AsyncUnaryCall(Echo.Unary, null, default, new StringValue()));
        Assert.True(expected == e.StatusCode, e.ToString());
    }
}

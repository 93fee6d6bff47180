using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Net.Client;

namespace Culvert.GrpcHosting.Tests;

/// <summary>Failures of handlers and limits, as the client sees them.</summary>
public sealed class ErrorTests
{
    [Fact(Timeout = 30_000)]
    public async Task AnUnknownMethodIsUnimplemented()
    {
        await using TestServer server = await TestServer.StartAsync(Echo.Definition());
        using GrpcChannel channel = server.Connect();
        RpcException e = await Call(channel, Echo.Missing);
        Assert.Equal(StatusCode.Unimplemented, e.StatusCode);
    }

    [Fact(Timeout = 30_000)]
    public async Task AnExceptionBecomesUnknownWithoutItsTextAndIsLoggedOnce()
    {
        await using TestServer server = await TestServer.StartAsync(Failing(new InvalidOperationException("secret")));
        using GrpcChannel channel = server.Connect();
        RpcException e = await Call(channel, Echo.Unary);

        Assert.Equal(StatusCode.Unknown, e.StatusCode);
        Assert.DoesNotContain("secret", e.ToString(), StringComparison.Ordinal);
        (_, string text, Exception? exception) = Assert.Single(server.Log.Entries);
        Assert.Contains(Echo.Unary.FullName, text, StringComparison.Ordinal);
        Assert.Equal("secret", exception!.Message);
    }

    [Fact(Timeout = 30_000)]
    public async Task StatusTextAndDetailsArriveUnchanged()
    {
        byte[] details = [8, 5, 0, 255, 1, 2];
        Status status = new(StatusCode.FailedPrecondition, "50 % — ünïcode \n \"quoted\" 🚰");
        Metadata trailers = new() { { "grpc-status-details-bin", details }, { "why", "because" } };
        await using TestServer server = await TestServer.StartAsync(Failing(new RpcException(status, trailers)));
        using GrpcChannel channel = server.Connect();
        RpcException e = await Call(channel, Echo.Unary);

        Assert.Equal(StatusCode.FailedPrecondition, e.StatusCode);
        Assert.Equal(status.Detail, e.Status.Detail);
        Assert.Equal(details, e.Trailers.GetValueBytes("grpc-status-details-bin"));
        Assert.Equal("because", e.Trailers.GetValue("why"));
        Assert.Empty(server.Log.Entries);
    }

    [Fact(Timeout = 30_000)]
    public async Task AStatusSetByTheHandlerEndsTheCall()
    {
        ServerServiceDefinition service = ServerServiceDefinition.CreateBuilder()
            .AddMethod(Echo.ServerStream, async (StringValue _, IServerStreamWriter<StringValue> responses, ServerCallContext context) =>
            {
                await responses.WriteAsync(new StringValue { Value = "one" });
                context.Status = new Status(StatusCode.Aborted, "half way");
                context.ResponseTrailers.Add("t", "v");
            })
            .Build();
        await using TestServer server = await TestServer.StartAsync(service);
        using GrpcChannel channel = server.Connect();
        using AsyncServerStreamingCall<StringValue> call = channel.CreateCallInvoker().AsyncServerStreamingCall(Echo.ServerStream, null, default, new StringValue());

        Assert.True(await call.ResponseStream.MoveNext());
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext());
        Assert.Equal((StatusCode.Aborted, "half way"), (e.StatusCode, e.Status.Detail));
        Assert.Equal("v", call.GetTrailers().GetValue("t"));
    }

    [Fact(Timeout = 30_000)]
    public async Task MessagesBeyondTheLimitAreResourceExhaustedOnEitherSide()
    {
        await using TestServer server = await TestServer.StartAsync(Echo.Definition(), options: o => o.MaxReceiveMessageSize = 100_000);
        BytesValue large = new() { Value = ByteString.CopyFrom(new byte[100_001]) };
        BytesValue small = new() { Value = ByteString.CopyFrom(new byte[5_000]) };

        using GrpcChannel channel = server.Connect();
        Assert.Equal(StatusCode.ResourceExhausted, (await CallBytes(channel, large)).StatusCode);

        using GrpcChannel receiving = server.Connect(o => o.MaxReceiveMessageSize = 4_000);
        Assert.Equal(StatusCode.ResourceExhausted, (await CallBytes(receiving, small)).StatusCode);

        using GrpcChannel sending = server.Connect(o => o.MaxSendMessageSize = 4_000);
        Assert.Equal(StatusCode.ResourceExhausted, (await CallBytes(sending, small)).StatusCode);
    }

    [Fact(Timeout = 30_000)]
    public async Task TheDefaultLimitIsFourMebibytes()
    {
        await using TestServer server = await TestServer.StartAsync(Echo.Definition());
        using GrpcChannel channel = server.Connect();
        BytesValue fits = new() { Value = ByteString.CopyFrom(new byte[(4 * 1024 * 1024) - 5]) };
        Assert.Equal(fits, await channel.CreateCallInvoker().AsyncUnaryCall(Echo.UnaryBytes, null, default, fits));

        BytesValue over = new() { Value = ByteString.CopyFrom(new byte[4 * 1024 * 1024]) };
        Assert.Equal(StatusCode.ResourceExhausted, (await CallBytes(channel, over)).StatusCode);
    }

    [Fact(Timeout = 30_000)]
    public async Task NothingListeningIsUnavailable()
    {
        TestServer server = await TestServer.StartAsync(Echo.Definition());
        Uri address = server.Address;
        await server.DisposeAsync();
        using GrpcChannel channel = GrpcChannel.ForAddress(address);
        Assert.Equal(StatusCode.Unavailable, (await Call(channel, Echo.Unary)).StatusCode);
    }

    [Fact(Timeout = 30_000)]
    public async Task AWriterLearnsWhyTheServerEndedAClientStream()
    {
        ServerServiceDefinition service = ServerServiceDefinition.CreateBuilder()
            .AddMethod(Echo.ClientStream, (IAsyncStreamReader<StringValue> _, ServerCallContext _) => throw new RpcException(new Status(StatusCode.PermissionDenied, "no")))
            .Build();
        await using TestServer server = await TestServer.StartAsync(service);
        using GrpcChannel channel = server.Connect();
        using AsyncClientStreamingCall<StringValue, StringValue> call = channel.CreateCallInvoker().AsyncClientStreamingCall(Echo.ClientStream, null, default);

        Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(async () => await call)).StatusCode);
        Assert.Equal(
            StatusCode.PermissionDenied,
            (await Assert.ThrowsAsync<RpcException>(() => call.RequestStream.WriteAsync(new StringValue()))).StatusCode);
    }

    private static ServerServiceDefinition Failing(Exception exception) => ServerServiceDefinition.CreateBuilder()
        .AddMethod(Echo.Unary, (StringValue _, ServerCallContext _) => Task.FromException<StringValue>(exception))
        .Build();

    private static Task<RpcException> Call(GrpcChannel channel, Method<StringValue, StringValue> method) =>
        Assert.ThrowsAsync<RpcException>(async () => await channel.CreateCallInvoker().AsyncUnaryCall(method, null, default, new StringValue()));

    private static Task<RpcException> CallBytes(GrpcChannel channel, BytesValue request) =>
        Assert.ThrowsAsync<RpcException>(async () => await channel.CreateCallInvoker().AsyncUnaryCall(Echo.UnaryBytes, null, default, request));
}

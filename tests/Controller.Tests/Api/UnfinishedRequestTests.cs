using System.Net;
using Culvert.Controller.Hosting;
using Culvert.Protocol.V1;
using Google.Protobuf;
using Grpc.Core;

namespace Culvert.Controller.Tests;

/// <summary>Requests to the controller's port that are too long, too many, or never whole.</summary>
[Trait("Category", "Attack")]
public sealed class UnfinishedRequestTests
{
    [Fact(Timeout = 60_000)]
    public async Task A_node_has_few_long_calls_and_short_requests()
    {
        await using Running running = await StartAsync();
        using FakeAgent joining = FakeAgent.OverTls(running.Host, "node-1");
        using FakeAgent agent = FakeAgent.OverTls(running.Host, "node-1", await joining.JoinAsync(running.Host.Tokens.Create("node-1", TimeSpan.FromHours(1))));

        // A certificate request that is longer than any is not read to its end.
        RpcException tooLong = await Assert.ThrowsAsync<RpcException>(async () => await agent.Certificates.RenewNodeAsync(
            new() { CsrDer = ByteString.CopyFrom(new byte[AgentCalls.LongestRequest]) }, agent.Options));
        Assert.Equal(StatusCode.ResourceExhausted, tooLong.StatusCode);

        // Streams that say no hello hold their places, so that no further one is read. Which one comes last is up to the client's threads.
        SnapshotService.SnapshotServiceClient snapshots = agent.Snapshots;
        List<AsyncDuplexStreamingCall<SnapshotRequest, SnapshotResponse>> silent = [];
        try
        {
            for (int i = 0; i <= AgentCalls.MostLongCalls; i++) silent.Add(snapshots.Stream(agent.Options));
            Task<RpcException>[] ends = [.. silent.Select(c => Assert.ThrowsAsync<RpcException>(() => c.ResponseStream.MoveNext(TestContext.Current.CancellationToken)))];
            RpcException refused = await await Task.WhenAny(ends);
            Assert.Equal(
                (StatusCode.ResourceExhausted, $"the connection has {AgentCalls.MostLongCalls} streams and reports already"),
                (refused.StatusCode, refused.Status.Detail));
        }
        finally
        {
            foreach (AsyncDuplexStreamingCall<SnapshotRequest, SnapshotResponse> call in silent) call.Dispose();
        }

        // The places are free again. Cancellations take their way.
        while (true)
        {
            try
            {
                await snapshots.ReportAsync(new NodeReport { Node = "node-1" }, agent.Options);
                break;
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.ResourceExhausted)
            {
                TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            }
        }
    }

    [Fact(Timeout = 60_000)]
    public async Task A_request_that_is_never_whole_ends()
    {
        await using Running running = await StartAsync();
        using SocketsHttpHandler handler = new() { SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true } };
        using HttpClient client = new(handler) { DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
        using HttpRequestMessage request = new(HttpMethod.Post, $"https://localhost:{running.Host.EndPoint!.Port}/culvert.v1.CertificateService/JoinNode")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new UnfinishedMessage(),
        };
        request.Headers.TE.Add(new("trailers"));
        using HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseContentRead, TestContext.Current.CancellationToken);
        Assert.Equal([$"{(int)StatusCode.DeadlineExceeded}"], (response.TrailingHeaders.Contains("grpc-status") ? response.TrailingHeaders : response.Headers).GetValues("grpc-status"));
    }

    private static Task<Running> StartAsync() => Running.StartAsync(f => f.Write("objects/web.yaml", Objects.Workload("web", "10.0.0.1")));

    // A message of 1,000 bytes of which the last never comes.
    private sealed class UnfinishedMessage : HttpContent
    {
        internal UnfinishedMessage() => Headers.ContentType = new("application/grpc");

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            byte[] message = new byte[5 + 999];
            (message[3], message[4]) = (1000 >> 8, 1000 & 0xff);
            await stream.WriteAsync(message, cancellationToken);
            await stream.FlushAsync(cancellationToken);
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}

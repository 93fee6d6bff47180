using System.Text;
using Culvert.NodeAgent.Proxy.Model;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>What is heard of how calls of gRPC have ended.</summary>
public sealed class GrpcStatusTests
{
    private const string Answer = ":status 200\ncontent-type application/grpc";

    [Theory]
    [InlineData("0", 0)]
    [InlineData("7", 7)]
    [InlineData("16", 16)]
    [InlineData("17", -1)]
    [InlineData("007", -1)]
    [InlineData("+1", -1)]
    [InlineData("1x", -1)]
    [InlineData("-1", -1)]
    public void ValuesAreThoseOfGrpc(string text, int status)
    {
        Assert.Equal((GrpcStatus)status, GrpcStatuses.Parse(Encoding.ASCII.GetBytes(text)));
        Assert.Equal(status < 0 ? "unknown" : text, GrpcStatuses.LabelOf((GrpcStatus)status));
        Assert.Equal(status < 0, GrpcStatuses.NameOf((GrpcStatus)status) is null);
    }

    [Theory]
    [InlineData("grpc-status 14", 14)]
    [InlineData("x y", -1)]
    [InlineData("grpc-status abc", -1)]
    public async Task TrailersSayIt(string trailers, int status)
    {
        await using Http2Lab lab = await Http2Lab.StartAsync();
        (FarStream client, FarStream server) = await lab.AskAsync(Http2Lab.Grpc, end: true);
        await server.SayAsync(Answer, end: false);
        await server.SendAsync("hello", end: false);
        await server.SayAsync(trailers, end: true);
        await client.ExpectAsync(Answer, "hello", $"{trailers}\n(end)");
        Assert.Equal((GrpcStatus)status, Assert.Single(lab.Mesh.Calls));
        Assert.Equal((200, null), Assert.Single(lab.Mesh.Requests));
    }

    [Theory]
    [InlineData("\ngrpc-status 5", 5)]
    [InlineData("", -1)]
    public async Task SoDoesAHeadThatIsAll(string field, int status)
    {
        await using Http2Lab lab = await Http2Lab.StartAsync();
        (FarStream client, FarStream server) = await lab.AskAsync(Http2Lab.Grpc, end: true);
        await server.SayAsync(Answer + field, end: true);
        await client.ExpectAsync($"{Answer}{field}\n(end)");
        Assert.Equal((GrpcStatus)status, Assert.Single(lab.Mesh.Calls));
    }

    [Fact]
    public async Task OfWhatIsNoCallThereIsNone()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync();
        (FarStream client, FarStream server) = await lab.AskAsync(Http2Lab.Post, end: true);
        await server.SayAsync($"{Http2Lab.Ok}\ngrpc-status 5", end: true);
        await client.ExpectAsync($"{Http2Lab.Ok}\ngrpc-status 5\n(end)");
        Assert.Equal(GrpcStatus.NoCall, Assert.Single(lab.Mesh.Calls));
    }

    [Fact]
    public async Task ACallThatIsBrokenOffHasNone()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync();
        (FarStream client, FarStream server) = await lab.AskAsync(Http2Lab.Grpc, end: true);
        await server.SayAsync($"{Answer}\ngrpc-status 0", end: false);
        await client.ExpectAsync($"{Answer}\ngrpc-status 0");
        await server.ResetAsync(Http2.Http2ErrorCode.InternalError);
        await client.ExpectAsync("(reset InternalError)");
        Assert.Equal((0, null), Assert.Single(lab.Mesh.Requests));
        Assert.Equal(GrpcStatus.None, Assert.Single(lab.Mesh.Calls));
    }

    [Fact]
    public async Task AnswersOfTheProxyHaveOne()
    {
        await using Http2Lab lab = await Http2Lab.StartAsync(rules: GateLab.Rules(Core.PolicyAction.Deny, GateLab.Paths("/pkg.Shop/*")));
        FarStream client = await lab.Client.AskAsync(Http2Lab.Grpc, end: true);
        Assert.Contains("\ngrpc-status 7\n", await client.NextAsync(), StringComparison.Ordinal);
        Assert.Equal((403, "http_request_denied"), Assert.Single(lab.Mesh.Requests));
        Assert.Equal(GrpcStatus.PermissionDenied, Assert.Single(lab.Mesh.Calls));
    }

    // Also where another version of HTTP is between: trailers go from one to the other.
    [Theory]
    [InlineData(HttpProtocols.Http2, HttpProtocols.Http2)]
    [InlineData(HttpProtocols.Http1, HttpProtocols.Http2)]
    [InlineData(HttpProtocols.Http2, HttpProtocols.Http1)]
    public async Task TranslatedCallsHaveTheirs(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddGrpcServerAsync("web");
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        foreach (string status in new[] { "0", "13", "x" })
        {
            using HttpRequestMessage call = lab.Call(status);
            using HttpResponseMessage response = await lab.Client.SendAsync(call);
            Assert.Equal("hello", await response.Content.ReadAsStringAsync());
        }

        await lab.UntilAsync(() => lab.Pair.Source.Calls.Count == 3);
        Assert.Equal([GrpcStatus.Ok, GrpcStatus.Internal, GrpcStatus.None], lab.Pair.Source.Calls);
    }
}

using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Culvert.Core;
using Culvert.NodeAgent.Proxy.Http.Mirroring;
using Culvert.NodeAgent.Proxy.Model;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>Copies of requests for mirrors, in all pairs of versions: what mirrors get, and that the requests themselves notice nothing.</summary>
public sealed class MirrorTests
{
    private readonly ConcurrentQueue<string> _seen = [];

    /// <summary>What clients speak, and what servers do.</summary>
    public static TheoryData<HttpProtocols, HttpProtocols> Versions => RoutingTests.Versions;

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task AMirrorGetsTheHeadAndTheBody(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = await LabAsync(client, servers);
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal("web GET shop /a?b=c route", await lab.GetAsync("/a?b=c"));
            Assert.Equal("web POST shop /a route body", await PostAsync(lab, new StringContent("body")));
            Assert.Equal("web POST shop /a route chunks", await PostAsync(lab, UnsizedBody.InPieces("chunks")));
            await UntilAsync(lab, (3 * i) + 3);
        }

        Assert.All(lab.Pair.Source.Mirrored, m => Assert.Equal(("mirror", MirrorResult.Answered), m));
        Assert.Equal(
            ["GET shop /a?b=c route ", "POST shop /a route body", "POST shop /a route chunks"], _seen.Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(9, _seen.Count);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task ALongBodyIsTheSameOnBothSides(HttpProtocols client, HttpProtocols servers)
    {
        byte[] body = new byte[700_000];
        new Random(1).NextBytes(body);
        byte[] web = [], mirror = [];
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("web", async c => web = await BodyOf(c));
        await lab.AddServerAsync("mirror", async c => mirror = await BodyOf(c));
        lab.Route(Mirrored(Mirror("mirror")));
        await PostAsync(lab, new ByteArrayContent(body));
        await UntilAsync(lab, 1);
        Assert.True(web.AsSpan().SequenceEqual(body));
        Assert.True(mirror.AsSpan().SequenceEqual(body));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task ASlowMirrorSlowsNothing(HttpProtocols client, HttpProtocols servers)
    {
        TaskCompletionSource never = new();
        await using RoutingLab lab = await LabAsync(client, servers, _ => never.Task);
        long began = Stopwatch.GetTimestamp();
        for (int i = 0; i < 10; i++) Assert.StartsWith("web", await PostAsync(lab, new StringContent("body")), StringComparison.Ordinal);
        Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(5));
        Assert.Empty(lab.Pair.Source.Mirrored);
        never.SetResult();
        await UntilAsync(lab, 10);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task OneThatTakesTooLongIsCutOff(HttpProtocols client, HttpProtocols servers)
    {
        TaskCompletionSource never = new();
        await using RoutingLab lab = await LabAsync(client, servers, _ => never.Task, new MirrorLimits { Timeout = TimeSpan.FromMilliseconds(200) });
        Assert.StartsWith("web", await lab.GetAsync("/"), StringComparison.Ordinal);
        await UntilAsync(lab, 1);
        Assert.Equal([("mirror", MirrorResult.TooSlow)], lab.Pair.Source.Mirrored);
        Assert.StartsWith("web", await lab.GetAsync("/"), StringComparison.Ordinal);
        never.SetResult();
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task MirrorsThatCantKeepUpLoseCopies(HttpProtocols client, HttpProtocols servers)
    {
        TaskCompletionSource never = new();
        await using RoutingLab lab = await LabAsync(client, servers, _ => never.Task, new MirrorLimits { MaxRunning = 2 });
        for (int i = 0; i < 5; i++) Assert.StartsWith("web", await PostAsync(lab, new StringContent("body")), StringComparison.Ordinal);
        await UntilAsync(lab, 3);
        Assert.All(lab.Pair.Source.Mirrored, m => Assert.Equal(MirrorResult.NoRoom, m.Result));
        never.SetResult();
        await UntilAsync(lab, 5);
        Assert.Equal(2, lab.Pair.Source.Mirrored.Count(m => m.Result == MirrorResult.Answered));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task AMirrorThatResetsChangesNothing(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = await LabAsync(client, servers, context =>
        {
            if (context.Features.Get<IHttpResetFeature>() is { } resets) resets.Reset(2); // INTERNAL_ERROR
            else context.Abort();
            return Task.CompletedTask;
        });
        for (int i = 0; i < 5; i++) Assert.Equal("web POST shop /a route body", await PostAsync(lab, new StringContent("body")));
        await UntilAsync(lab, 5);
        Assert.All(lab.Pair.Source.Mirrored, m => Assert.Equal(servers == HttpProtocols.Http1 ? MirrorResult.ServerError : MirrorResult.Broken, m.Result)); // of HTTP/1.1 the other node's proxy answers
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task MirrorsThatAreNotThereChangeNothing(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = await LabAsync(client, servers);
        lab.AddBackend("dead", 1);
        lab.Route(Mirrored(Mirror("nowhere"), Mirror("dead"), Mirror("mirror")));
        for (int i = 0; i < 5; i++) Assert.Equal("web POST shop /a  body", await PostAsync(lab, new StringContent("body")));
        await UntilAsync(lab, 15);
        Assert.All(lab.Pair.Source.Mirrored, m => Assert.Equal(m.Mirror == "mirror" ? MirrorResult.Answered : MirrorResult.Unreachable, m.Result));
        Assert.Equal(5, lab.Pair.Source.Mirrored.Count(m => m.Mirror == "mirror"));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task ABodyBeyondTheBoundIsNotMirrored(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = await LabAsync(client, servers, limits: new MirrorLimits { MaxBody = 10_000 });
        string body = new('x', 100_000);
        Assert.Equal($"web POST shop /a route {body}", await PostAsync(lab, new StringContent(body)));
        Assert.Equal($"web POST shop /a route {body}", await PostAsync(lab, UnsizedBody.InPieces(body)));
        Assert.Equal($"web POST shop /a route {body[..10_000]}", await PostAsync(lab, new StringContent(body[..10_000])));
        await UntilAsync(lab, 3);
        Assert.Equal([MirrorResult.TooLarge, MirrorResult.TooLarge, MirrorResult.Answered], lab.Pair.Source.Mirrored.Select(m => m.Result));
        Assert.Single(_seen);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task SoAreBodiesThatTogetherAreTooMuch(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = await LabAsync(client, servers, limits: new MirrorLimits { MaxCopied = 8192 });
        string body = new('x', 100_000);
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal($"web POST shop /a route {body}", await PostAsync(lab, new StringContent(body)));
            Assert.Equal("web POST shop /a route short", await PostAsync(lab, new StringContent("short")));
            await UntilAsync(lab, 2 + (2 * i)); // what was kept is free again
        }

        Assert.Equal([MirrorResult.NoRoom, MirrorResult.Answered, MirrorResult.NoRoom, MirrorResult.Answered], lab.Pair.Source.Mirrored.Select(m => m.Result));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task AMirrorThatAnswersBeforeItHasTheBodyIsWaitedForNoLonger(HttpProtocols client, HttpProtocols servers)
    {
        byte[] body = new byte[1 << 20];
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("web", async c => await BodyOf(c));
        await lab.AddServerAsync("mirror", c =>
        {
            c.Response.StatusCode = 413;
            return c.Response.CompleteAsync();
        });
        lab.Route(Mirrored(Mirror("mirror")));
        Stopwatch time = Stopwatch.StartNew();
        await PostAsync(lab, new ByteArrayContent(body));
        await UntilAsync(lab, 1);
        Assert.True(time.Elapsed < TimeSpan.FromSeconds(20), $"it was waited for, for {time.Elapsed.TotalSeconds} s");
        Assert.Equal(MirrorResult.Answered, Assert.Single(lab.Pair.Source.Mirrored).Result);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task HeadsCountAsBodiesDo(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = await LabAsync(client, servers, limits: new MirrorLimits { MaxCopied = 8192 });
        using HttpRequestMessage request = lab.Request(HttpMethod.Get, "/a");
        request.Headers.Add("x-long", new string('x', 8192));
        Assert.Equal(200, RoutingLab.Of(await lab.Client.SendAsync(request)).Status);
        await lab.GetAsync("/a");
        await UntilAsync(lab, 2);
        Assert.Equal([MirrorResult.NoRoom, MirrorResult.Answered], lab.Pair.Source.Mirrored.Select(m => m.Result));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task AsManyAreCopiedAsIsSaid(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = await LabAsync(client, servers);
        await lab.AddServerAsync("none");
        lab.Route(Mirrored(Mirror("mirror") with { Numerator = 1, Denominator = 4 }, Mirror("none") with { Numerator = 0 }));
        for (int i = 0; i < 400; i++) await lab.GetAsync("/");
        for (int before = -1; before != _seen.Count; await Task.Delay(200)) before = _seen.Count;
        Assert.InRange(_seen.Count, 55, 145); // a hundred, and five times the deviation
        Assert.False(lab.Asked.ContainsKey("none"));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task ACopyArrivesWhoseClientHasGone(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = await LabAsync(client, servers);
        using (HttpRequestMessage request = lab.Request(HttpMethod.Post, "/a"))
        {
            request.Content = new StringContent("body");
            request.Headers.ConnectionClose = client == HttpProtocols.Http1 ? true : null;
            using HttpResponseMessage response = await lab.Client.SendAsync(request);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }

        lab.Client.Dispose();
        await UntilAsync(lab, 1);
        Assert.Equal([("mirror", MirrorResult.Answered)], lab.Pair.Source.Mirrored);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task OfARequestThatItsClientGivesUpThereIsNone(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = await LabAsync(client, servers);
        using CancellationTokenSource gone = new();
        using HttpRequestMessage request = lab.Request(HttpMethod.Post, "/a");
        request.Content = new Endless(gone);
        await Assert.ThrowsAnyAsync<Exception>(() => lab.Client.SendAsync(request, gone.Token));
        await UntilAsync(lab, 1);
        Assert.Equal([("mirror", MirrorResult.Incomplete)], lab.Pair.Source.Mirrored);
        Assert.Empty(_seen);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task PreflightsAndRedirectsAreNotMirrored(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = await LabAsync(client, servers);
        lab.Route(RoutingLab.Below("/") with { Filters = new HttpRouteFilters { Mirrors = [Mirror("mirror")], Redirect = new HttpRedirect { Host = "www.example" } } });
        using HttpResponseMessage response = await lab.Client.GetAsync(new Uri("/", UriKind.Relative));
        Assert.Equal(HttpStatusCode.Found, response.StatusCode);
        Assert.Empty(lab.Pair.Source.Mirrored);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task ATryMoreIsNotMirroredOnceMore(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = await LabAsync(client, servers);
        lab.Statuses["web"] = 503;
        lab.Route(Mirrored(Mirror("mirror")) with { Retry = new HttpRouteRetry(2, [503]) });
        using HttpResponseMessage response = await lab.Client.GetAsync(new Uri("/", UriKind.Relative));
        Assert.Equal((HttpStatusCode.ServiceUnavailable, 3), (response.StatusCode, lab.Asked["web"]));
        await UntilAsync(lab, 1);
        Assert.Single(_seen);
    }

    [Fact]
    public async Task AMirrorThatIsNoServerOfHttpIsBroken()
    {
        await using RoutingLab lab = await LabAsync(HttpProtocols.Http1, HttpProtocols.Http1);
        using Socket listener = lab.Pair.Listen();
        lab.AddBackend("mirror", ((IPEndPoint)listener.LocalEndPoint!).Port);
        Task server = Task.Run(async () =>
        {
            using Socket one = await listener.AcceptAsync();
            await one.SendAsync("hello\r\n"u8.ToArray());
            await one.ReceiveAsync(new byte[1000]);
        });
        Assert.StartsWith("web", await lab.GetAsync("/"), StringComparison.Ordinal);
        await UntilAsync(lab, 1);
        Assert.Equal([("mirror", MirrorResult.ServerError)], lab.Pair.Source.Mirrored); // of the other node's proxy
        await server;
    }

    [Theory]
    [InlineData(HttpProtocols.Http1)]
    [InlineData(HttpProtocols.Http2)]
    public async Task AMirrorMaySpeakAnotherVersionThanTheBackend(HttpProtocols client)
    {
        await using RoutingLab lab = await LabAsync(client, HttpProtocols.Http1);
        await lab.AddServerAsync("other", SeeAsync, HttpProtocols.Http2);
        lab.Route(Mirrored(Mirror("other"), Mirror("mirror")));
        Assert.StartsWith("web", await PostAsync(lab, new StringContent("body")), StringComparison.Ordinal);
        await UntilAsync(lab, 2);
        Assert.All(lab.Pair.Source.Mirrored, m => Assert.Equal(MirrorResult.Answered, m.Result));
        Assert.Equal(2, _seen.Count);
    }

    private static HttpRouteMirror Mirror(string name) => new(new NamespacedName("b", name), 80);

    private static HttpRouteRule Mirrored(params HttpRouteMirror[] mirrors) => RoutingLab.Below("/", ("web", 1)) with { Filters = new HttpRouteFilters { Mirrors = mirrors.ToEquatableArray() } };

    // The header is the route's: mirrors get it as well.
    private async Task<RoutingLab> LabAsync(HttpProtocols client, HttpProtocols servers, RequestDelegate? mirror = null, MirrorLimits? limits = null)
    {
        RoutingLab lab = new(client, servers, limits is null ? null : options => options with { Http = options.Http with { Mirrors = limits } });
        await lab.AddServerAsync("web");
        await lab.AddServerAsync("mirror", mirror ?? SeeAsync);
        HttpRouteRule rule = Mirrored(Mirror("mirror"));
        lab.Route(rule with { Filters = rule.Filters with { RequestHeaders = new HeaderChanges([new HeaderValue("x-set", "route")], [], []) } });
        return lab;
    }

    private async Task SeeAsync(HttpContext context)
    {
        string body = await new StreamReader(context.Request.Body).ReadToEndAsync();
        _seen.Enqueue($"{context.Request.Method} {context.Request.Host} {context.Request.Path}{context.Request.QueryString} {context.Request.Headers["x-set"]} {body}");
        context.Response.StatusCode = 418;
        await context.Response.WriteAsync(new string('m', 100_000));
    }

    private static async Task<byte[]> BodyOf(HttpContext context)
    {
        using MemoryStream body = new();
        await context.Request.Body.CopyToAsync(body);
        return body.ToArray();
    }

    private static async Task<string> PostAsync(RoutingLab lab, HttpContent content)
    {
        using HttpRequestMessage request = lab.Request(HttpMethod.Post, "/a");
        request.Content = content;
        using HttpResponseMessage response = await lab.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await response.Content.ReadAsStringAsync();
    }

    private static Task UntilAsync(RoutingLab lab, int count) => WaitAsync(() => lab.Pair.Source.Mirrored.Count >= count);

    private static async Task WaitAsync(Func<bool> isDone)
    {
        for (int i = 0; i < 1000 && !isDone(); i++) await Task.Delay(10);
        Assert.True(isDone());
    }

    // Gives up after the first piece.
    private sealed class Endless(CancellationTokenSource gone) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.WriteAsync(new byte[100]);
            await stream.FlushAsync();
            await Task.Delay(200);
            await gone.CancelAsync();
            await Task.Delay(Timeout.Infinite, gone.Token);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}

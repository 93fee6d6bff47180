using System.Net;
using System.Net.Sockets;
using System.Text;
using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>Requests that are routed, in both versions of HTTP, between a client and servers that know nothing of the proxies.</summary>
public sealed class RoutingTests
{
    /// <summary>What clients speak, and what servers do.</summary>
    public static TheoryData<HttpProtocols, HttpProtocols> Versions => new()
    {
        { HttpProtocols.Http1, HttpProtocols.Http1 },
        { HttpProtocols.Http2, HttpProtocols.Http2 },
        { HttpProtocols.Http1, HttpProtocols.Http2 },
        { HttpProtocols.Http2, HttpProtocols.Http1 },
    };

    private static HttpRouteRule To(string server) => RoutingLab.Below("/", (server, 1));

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task EachRequestOfAConnectionGoesWhereItsRuleSays(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("web");
        await lab.AddServerAsync("api");
        lab.Route(To("web"), RoutingLab.Below("/api", ("api", 1)));
        for (int i = 0; i < 20; i++)
        {
            Assert.StartsWith("web GET", await lab.GetAsync("/apis"), StringComparison.Ordinal);
            Assert.StartsWith("api GET", await lab.GetAsync("/api/v1?x=/"), StringComparison.Ordinal);
        }

        Assert.Equal(2, lab.Pair.Source.Opened.Count); // one connection to each server, and the client's own is told of by them
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task SharesAreThoseOfTheWeights(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("stable");
        await lab.AddServerAsync("canary");
        lab.Route(RoutingLab.Below("/", ("stable", 90), ("canary", 10)));
        for (int i = 0; i < 1000; i++) await lab.GetAsync("/");
        Assert.InRange(lab.Asked["canary"], 50, 160); // ten of a hundred, and five times the deviation
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task AChangeOfWeightsCountsForTheNextRequest(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("stable");
        await lab.AddServerAsync("canary");
        lab.Route(RoutingLab.Below("/", ("stable", 1), ("canary", 0)));
        Assert.StartsWith("stable", await lab.GetAsync("/"), StringComparison.Ordinal);
        lab.Route(RoutingLab.Below("/", ("stable", 0), ("canary", 1)));
        Assert.StartsWith("canary", await lab.GetAsync("/"), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task WhatNoRuleHasIsNotFound(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        lab.Route(RoutingLab.Below("/api", ("api", 1)));
        (int status, string why) = RoutingLab.Of(await lab.Client.GetAsync(new Uri("/other", UriKind.Relative)));
        Assert.Equal(404, status);
        Assert.StartsWith("culvert; error=destination_not_found; details=\"no rule of the routes for Service b/shop", why, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task ABackendThatIsNotThereIsAnErrorOfTheRoute(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        lab.Route(To("nowhere"));
        (int status, string why) = RoutingLab.Of(await lab.Client.GetAsync(new Uri("/", UriKind.Relative)));
        Assert.Equal((500, "culvert; error=proxy_configuration_error; details=\"HTTPRoute b/shop rule 0 has a backend that is not there: Service b/nowhere port 80\""), (status, why));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task AServerThatIsNotReachedIsToldOf(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        lab.AddBackend("dead", 1);
        lab.Route(To("dead"));
        (int status, string why) = RoutingLab.Of(await lab.Client.GetAsync(new Uri("/", UriKind.Relative)));
        Assert.Equal(503, status);
        Assert.Contains("error=destination_unavailable", why, StringComparison.Ordinal);
        Assert.NotEmpty(lab.Pair.Source.Failed);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task AnotherBackendTakesWhatOneThatIsDeadDoesNot(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("alive");
        lab.AddBackend("dead", 1);
        lab.Route(RoutingLab.Below("/", ("alive", 1), ("dead", 1)));
        for (int i = 0; i < 50; i++) Assert.StartsWith("alive", await lab.GetAsync("/"), StringComparison.Ordinal);
        Assert.NotEmpty(lab.Pair.Source.Failed);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task HeadersAreChangedBothWays(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("web");
        lab.Route(To("web") with
        {
            Filters = new HttpRouteFilters
            {
                RequestHeaders = new HeaderChanges([new("x-set", "by the route")], [], ["x-gone"]),
                ResponseHeaders = new HeaderChanges([new("x-answer", "1")], [new("x-answer", "2")], ["server"]),
            },
        });
        using HttpRequestMessage request = lab.Request(HttpMethod.Post, "/a");
        request.Content = new StringContent("body");
        request.Headers.Add("x-set", "by the client");
        using HttpResponseMessage response = await lab.Client.SendAsync(request);
        Assert.Equal("web POST shop /a by the route body", await response.Content.ReadAsStringAsync());
        Assert.Equal(["1", "2"], response.Headers.GetValues("x-answer"));
        Assert.False(response.Headers.Contains("server"));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task HostAndPathAreRewritten(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("web");
        lab.Route(RoutingLab.Below("/old", ("web", 1)) with { Filters = new HttpRouteFilters { Rewrite = new HttpRewrite("other.example", new PathChange(IsPrefix: true, "/new")) } });
        Assert.Equal("web GET other.example /new/a?b=c", await lab.GetAsync("/old/a?b=c"));
        Assert.Equal("web GET other.example /new", await lab.GetAsync("/old"));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task ClientsAreSentElsewhereByTheSameConnection(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        lab.Route(RoutingLab.Below("/old", ("web", 1)) with
        {
            Backends = [],
            Filters = new HttpRouteFilters { Redirect = new HttpRedirect { Scheme = "https", Host = "www.example", Path = new PathChange(IsPrefix: true, "/"), Status = 301 } },
        });
        for (int i = 0; i < 3; i++)
        {
            using HttpResponseMessage response = await lab.Client.GetAsync(new Uri("/old/a?b=c", UriKind.Relative));
            Assert.Equal((HttpStatusCode.MovedPermanently, "https://www.example/a?b=c"), (response.StatusCode, response.Headers.Location!.ToString()));
        }

        Assert.Equal(1, (await lab.Pair.CountAsync()).Connections);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task ARequestHasTheTimeThatItsRouteGives(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("web");
        lab.Route(To("web") with { RequestTimeout = TimeSpan.FromMilliseconds(200) });
        using HttpRequestMessage request = lab.Request(HttpMethod.Get, "/");
        request.Headers.Add("x-wait", "20000");
        (int status, string why) = RoutingLab.Of(await lab.Client.SendAsync(request));
        Assert.Equal(504, status);
        Assert.Contains("error=http_response_timeout", why, StringComparison.Ordinal);
        Assert.Equal("web GET shop /", await lab.GetAsync("/"));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task WhatTheRouteSaysIsTriedAgain(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("good");
        await lab.AddServerAsync("bad");
        lab.Statuses["bad"] = 503;
        lab.Route(RoutingLab.Below("/", ("good", 1), ("bad", 1)) with { Retry = new HttpRouteRetry(3, [503]) });
        for (int i = 0; i < 30; i++) Assert.StartsWith("good", await lab.GetAsync("/"), StringComparison.Ordinal);
        Assert.NotEqual(0, lab.Asked["bad"]);
        await lab.UntilAsync(() => lab.Pair.Source.Retries.Count == lab.Asked["bad"]);
        Assert.All(lab.Pair.Source.Retries, r => Assert.True(r is RetryOutcome.Succeeded or RetryOutcome.Failed));
        Assert.Contains(RetryOutcome.Succeeded, lab.Pair.Source.Retries);
        Assert.Empty(lab.Pair.Destination.Retries);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task WhatComesOfTryingAgainIsTold(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("bad");
        lab.AddBackend("dead", 1);
        lab.Statuses["bad"] = 503;
        lab.Route(RoutingLab.Below("/dead", ("dead", 1)), RoutingLab.Below("/", ("bad", 1)) with { Retry = new HttpRouteRetry(2, [503]) });
        using HttpResponseMessage first = await lab.Client.GetAsync(lab.Client.BaseAddress);
        await lab.UntilAsync(() => lab.Pair.Source.Requests.Count == 1);
        Assert.Equal([RetryOutcome.Failed, RetryOutcome.Failed], lab.Pair.Source.Retries);
        using HttpResponseMessage second = await lab.Client.GetAsync(new Uri("/dead", UriKind.Relative));
        await lab.UntilAsync(() => lab.Pair.Source.Requests.Count == 2);
        Assert.Equal((503, 503), ((int)first.StatusCode, (int)second.StatusCode));
        Assert.True(lab.Pair.Source.Retries.Count > 2); // where no server is reached others are tried
        Assert.All(lab.Pair.Source.Retries, r => Assert.Equal(RetryOutcome.Failed, r));
    }

    [Fact]
    public async Task AConnectionThatItsServerHasEndedCostsNoRequest()
    {
        await using RoutingLab lab = new(HttpProtocols.Http1, HttpProtocols.Http1);
        using Socket listener = lab.Pair.Listen();
        lab.AddBackend("short", ((IPEndPoint)listener.LocalEndPoint!).Port);
        lab.Route(To("short"));
        Task server = Task.Run(async () =>
        {
            for (int i = 0; i < 20; i++)
            {
                // It does not say that it ends.
                using Socket connection = await listener.AcceptAsync();
                await connection.ReceiveAsync(new byte[1000]);
                await connection.SendAsync(Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"));
                if (i % 2 == 0) await connection.ReceiveAsync(new byte[1000]); // when the next request has come
            }
        });
        for (int i = 0; i < 10; i++) Assert.Equal("ok", await lab.GetAsync("/"));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task BodiesPassWholeWhileConnectionsAreChanged(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("one");
        await lab.AddServerAsync("two");
        lab.Route(RoutingLab.Below("/", ("one", 1), ("two", 1)));
        string body = new('x', 300_000);
        await Task.WhenAll(Enumerable.Range(0, 20).Select(async i =>
        {
            for (int j = 0; j < 10; j++)
            {
                using HttpRequestMessage request = lab.Request(HttpMethod.Post, $"/{i}/{j}");
                request.Content = new StringContent(body);
                request.Headers.TransferEncodingChunked = client == HttpProtocols.Http1 && j % 2 == 0;
                using HttpResponseMessage response = await lab.Client.SendAsync(request);
                Assert.EndsWith($" POST shop /{i}/{j}  {body}", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
            }
        }));
        Assert.InRange(lab.Asked["one"], 50, 150);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task PolicyIsAskedOfTheBackend(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("open");
        await lab.AddServerAsync("closed");
        lab.Route(RoutingLab.Below("/", ("open", 1)), RoutingLab.Below("/closed", ("closed", 1)));
        int closed = lab.PortOf("closed");
        lab.Pair.Source.MayLeave = target => target.Port != closed;
        for (int i = 0; i < 3; i++)
        {
            Assert.StartsWith("open", await lab.GetAsync("/"), StringComparison.Ordinal);
            (int status, string why) = RoutingLab.Of(await lab.Client.GetAsync(new Uri("/closed", UriKind.Relative)));
            Assert.Equal(403, status);
            Assert.Contains("error=http_request_denied", why, StringComparison.Ordinal);
        }

        Assert.All(lab.Pair.Source.Failed, f => Assert.Equal(ProxyFailure.PolicyDenied, f.Failure));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task AServerThatPolicyForbidsNowIsNotAskedByAConnectionOfBefore(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("web");
        lab.Route(To("web"));
        Assert.StartsWith("web", await lab.GetAsync("/"), StringComparison.Ordinal);
        lab.Pair.Source.MayLeave = _ => false;
        lab.Pair.SourceProxy.Revalidate();
        await SocketExtensions.EventuallyAsync(() => lab.Pair.Source.Closed.Any(c => c.End.Failure == ProxyFailure.PolicyChanged));
        Assert.Equal(403, RoutingLab.Of(await lab.Client.GetAsync(new Uri("/", UriKind.Relative))).Status);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task RoutesThatHaveGoneLeaveTheServiceAsItIs(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("web");
        await lab.AddServerAsync("own");
        lab.Route(To("web"));
        Assert.StartsWith("web", await lab.GetAsync("/"), StringComparison.Ordinal);
        lab.LeadTo("own");
        Assert.StartsWith("own", await lab.GetAsync("/"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ClientsOfOneWorkloadShareConnectionsThatNobodyUses()
    {
        await using RoutingLab lab = new(HttpProtocols.Http1, HttpProtocols.Http1);
        await lab.AddServerAsync("web");
        lab.Route(To("web"));
        for (int i = 0; i < 10; i++)
        {
            using HttpRequestMessage request = lab.Request(HttpMethod.Get, "/");
            request.Headers.ConnectionClose = true;
            using HttpResponseMessage response = await lab.Client.SendAsync(request);
            Assert.Equal("web GET shop /", await response.Content.ReadAsStringAsync());
        }

        Assert.Single(lab.Pair.Source.Opened);
    }

    [Fact]
    public async Task AConnectionThatNobodyUsesIsClosedAfterAWhile()
    {
        await using RoutingLab lab = new(HttpProtocols.Http1, HttpProtocols.Http1, o => o with { Http = o.Http with { ServerIdleTime = TimeSpan.FromMilliseconds(50) } });
        await lab.AddServerAsync("web");
        lab.Route(To("web"));
        Assert.Equal("web GET shop /", await lab.GetAsync("/"));
        await SocketExtensions.EventuallyAsync(() => lab.Pair.Source.Closed.Any(c => c.End.Failure == ProxyFailure.None));
        Assert.Equal("web GET shop /", await lab.GetAsync("/"));
    }

    [Fact]
    public async Task RequestsThatAreSentAheadAreAnsweredInTheirOrder()
    {
        await using RoutingLab lab = new(HttpProtocols.Http1, HttpProtocols.Http1);
        await lab.AddServerAsync("web");
        await lab.AddServerAsync("api");
        lab.Route(To("web"), RoutingLab.Below("/api", ("api", 1)));
        using Socket client = await lab.Pair.ConnectClientAsync();
        await client.SendAllAsync(Encoding.ASCII.GetBytes("GET /1 HTTP/1.1\r\nhost: x\r\n\r\nGET /api/2 HTTP/1.1\r\nhost: x\r\n\r\nGET /3 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"));
        using StreamReader received = new(new NetworkStream(client), Encoding.ASCII);
        string answers = await received.ReadToEndAsync();
        Assert.Matches("web GET x /1(.|\n)*api GET x /api/2(.|\n)*web GET x /3", answers);
    }

    [Fact]
    public async Task ARequestThatItsServerHasResetIsNotSentAgain()
    {
        await using RoutingLab lab = new(HttpProtocols.Http2, HttpProtocols.Http2);
        await lab.AddServerAsync("web");
        lab.Route(To("web"));
        using HttpRequestMessage request = lab.Request(HttpMethod.Get, "/");
        request.Headers.Add("x-fail", "1");
        await Assert.ThrowsAsync<HttpRequestException>(() => lab.Client.SendAsync(request));
        Assert.Equal(1, lab.Asked["web"]);
    }

    [Fact]
    public async Task AServerThatHasAnsweredTooEarlyIsForNobodyElse()
    {
        await using RoutingLab lab = new(HttpProtocols.Http1, HttpProtocols.Http1);
        using Socket listener = lab.Pair.Listen();
        lab.AddBackend("early", ((IPEndPoint)listener.LocalEndPoint!).Port);
        lab.Route(To("early"));
        using Socket client = await lab.Pair.ConnectClientAsync();
        await client.SendAllAsync("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n"u8.ToArray());
        using Socket server = await listener.AcceptAsync();
        await server.ReceiveAsync(new byte[1000]);
        byte[] answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"u8.ToArray();
        await server.SendAllAsync(answer);
        await client.ReceiveExactlyAsync(answer.Length);
        await client.SendAllAsync("0\r\n\r\n"u8.ToArray());
        await client.ReceiveToEndAsync();

        Task<string> next = lab.GetAsync("/");
        using Socket another = await listener.AcceptAsync().WaitAsync(TimeSpan.FromSeconds(10));
        await another.ReceiveAsync(new byte[1000]);
        await another.SendAllAsync(answer);
        Assert.Equal("ok", await next);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task HostsAreToldApartByTheirHeader(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("web");
        await lab.AddServerAsync("other");
        lab.Route(To("web"), To("other") with { Matches = [new HttpRouteMatch { Headers = [new RouteField("host", "other.example")] }] });
        Assert.Equal("web GET shop /", await lab.GetAsync("/"));
        using HttpRequestMessage request = lab.Request(HttpMethod.Get, "/");
        request.Headers.Host = "other.example";
        using HttpResponseMessage response = await lab.Client.SendAsync(request);
        Assert.Equal("other GET other.example /", await response.Content.ReadAsStringAsync());
    }
}

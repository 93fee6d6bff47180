using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Culvert.Core;
using Culvert.NodeAgent.Tests.Telemetry.Requests;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>What the access log says of requests: at the client's node and at the server's.</summary>
public sealed class AccessLogTests
{
    public static TheoryData<HttpProtocols, HttpProtocols> Versions => RoutingTests.Versions;

    private static HttpRouteRule To(string server) => RoutingLab.Below("/", (server, 1));

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task ARequestIsOneRecordAtEitherNode(HttpProtocols client, HttpProtocols servers)
    {
        using RequestLab source = new(RequestLab.All with { Headers = ["x-tenant"] }), destination = new(RequestLab.All);
        await using RoutingLab lab = Lab(client, servers, source, destination);
        await lab.AddServerAsync("web");
        lab.Route(To("web"));
        using HttpRequestMessage request = lab.Request(HttpMethod.Post, "/a/b?token=secret");
        request.Content = new ByteArrayContent(new byte[50_000]);
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("tester", "1"));
        request.Headers.Add("x-request-id", "r-1");
        request.Headers.Add("x-tenant", "one");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", "hidden");
        using HttpResponseMessage response = await lab.Client.SendAsync(request);
        int length = (await response.Content.ReadAsByteArrayAsync()).Length;

        JsonElement atSource = (await source.RecordsAsync(1))[0], atDestination = (await destination.RecordsAsync(1))[0];
        foreach (JsonElement record in (JsonElement[])[atSource, atDestination])
        {
            Assert.Equal("POST", Text(record, "method"));
            Assert.Equal("/a/b", Text(record, "path"));
            Assert.Equal("shop", Text(record, "authority"));
            Assert.Equal(200, record.GetProperty("response_code").GetInt32());
            Assert.Equal(50_000, record.GetProperty("bytes_received").GetInt64());
            Assert.Equal(length, record.GetProperty("bytes_sent").GetInt64());
            Assert.Equal("tester/1", Text(record, "user_agent"));
            Assert.Equal("r-1", Text(record, "request_id"));
            Assert.Equal("bob", Text(record, "destination_workload"));
            Assert.Equal(ProxyPair.Alice, Text(record, "source_principal"));
            Assert.Equal(ProxyPair.Bob, Text(record, "destination_principal"));
            Assert.Equal($"{lab.Pair.DestinationAddress}:{lab.PortOf("web")}", Text(record, "upstream_host"));
            Assert.InRange(record.GetProperty("start_time").GetDateTimeOffset(), DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow);
            Assert.DoesNotContain("secret", record.GetRawText(), StringComparison.Ordinal);
            Assert.DoesNotContain("hidden", record.GetRawText(), StringComparison.Ordinal);
            Assert.False(record.TryGetProperty("proxy_error", out _));
        }

        Assert.Equal(("source", client == HttpProtocols.Http1 ? "HTTP/1.1" : "HTTP/2"), (Text(atSource, "reporter"), Text(atSource, "protocol")));
        Assert.Equal(("destination", servers == HttpProtocols.Http1 ? "HTTP/1.1" : "HTTP/2"), (Text(atDestination, "reporter"), Text(atDestination, "protocol")));
        Assert.Equal("HTTPRoute b/shop rule 0", Text(atSource, "route_name"));
        Assert.Equal("alice", Text(atSource, "source_workload"));
        Assert.Equal("one", Text(atSource.GetProperty("headers"), "x-tenant"));
        Assert.False(atDestination.TryGetProperty("headers", out _));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task RequestsOfOneConnectionAreCountedEachByItself(HttpProtocols client, HttpProtocols servers)
    {
        using RequestLab source = new(RequestLab.All), destination = new(RequestLab.All);
        await using RoutingLab lab = Lab(client, servers, source, destination);
        await lab.AddServerAsync("web");
        lab.Route(To("web"));
        int[] sizes = [70_000, 0, 3];
        foreach (int size in sizes)
        {
            using HttpRequestMessage request = lab.Request(HttpMethod.Post, "/");
            request.Content = new ByteArrayContent(new byte[size]);
            using HttpResponseMessage response = await lab.Client.SendAsync(request);
        }

        Assert.Equal(sizes, (await source.RecordsAsync(3)).Select(r => r.GetProperty("bytes_received").GetInt32()));
        Assert.Equal(sizes, (await destination.RecordsAsync(3)).Select(r => r.GetProperty("bytes_received").GetInt32()));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task AnAnswerOfTheProxySaysWhy(HttpProtocols client, HttpProtocols servers)
    {
        using RequestLab source = new(new AccessLogSettings { Mode = AccessLogMode.Errors });
        await using RoutingLab lab = Lab(client, servers, source, null);
        await lab.AddServerAsync("web");
        lab.Route(RoutingLab.Below("/api", ("web", 1)));
        Assert.Equal(HttpStatusCode.OK, (await lab.Client.GetAsync(new Uri("/api", UriKind.Relative))).StatusCode);
        (int status, string why) = RoutingLab.Of(await lab.Client.GetAsync(new Uri("/other", UriKind.Relative)));
        Assert.Equal(404, status);

        JsonElement record = (await source.RecordsAsync(1))[0];
        Assert.Equal($"culvert; error={Text(record, "proxy_error")}; details=\"{Text(record, "response_code_details")}\"", why);
        Assert.Equal(404, record.GetProperty("response_code").GetInt32());
        Assert.Equal("/other", Text(record, "path"));
        Assert.False(record.TryGetProperty("upstream_host", out _));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task RetriesAreCountedAndTheLastServerIsNamed(HttpProtocols client, HttpProtocols servers)
    {
        using RequestLab source = new(RequestLab.All), destination = new(RequestLab.All);
        await using RoutingLab lab = Lab(client, servers, source, destination);
        await lab.AddServerAsync("web");
        lab.Statuses["web"] = 503;
        lab.Route(To("web") with { Retry = new HttpRouteRetry(2, [503]) });
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await lab.Client.GetAsync(new Uri("/", UriKind.Relative))).StatusCode);

        JsonElement record = (await source.RecordsAsync(1))[0];
        Assert.Equal(2, record.GetProperty("retries").GetInt32());
        Assert.Equal($"{lab.Pair.DestinationAddress}:{lab.PortOf("web")}", Text(record, "upstream_host"));

        // Of an answer that is not taken the client's node may refuse the rest, before all of it has been passed on.
        int[] codes = [.. (await destination.RecordsAsync(3)).Select(r => r.GetProperty("response_code").GetInt32())];
        Assert.Contains(503, codes);
        Assert.All(codes, code => Assert.Contains(code, new[] { 0, 503 }));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task ARequestThatIsNotAnsweredWhollyIsAFailedOne(HttpProtocols client, HttpProtocols servers)
    {
        using RequestLab source = new(new AccessLogSettings { Mode = AccessLogMode.Errors });
        await using RoutingLab lab = Lab(client, servers, source, null);
        await lab.AddServerAsync("web", async context =>
        {
            context.Response.ContentLength = 10;
            await context.Response.WriteAsync("half");
            await context.Response.Body.FlushAsync();
            await Task.Delay(100); // what is under way when a connection is reset is lost
            context.Abort();
        });
        lab.Route(To("web"));
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => lab.GetAsync("/"));
        Assert.Equal(0, (await source.RecordsAsync(1))[0].GetProperty("response_code").GetInt32());
    }

    [Fact]
    public async Task WhatIsNoRequestIsNotedWithoutOne()
    {
        using RequestLab source = new(RequestLab.All);
        await using RoutingLab lab = Lab(HttpProtocols.Http1, HttpProtocols.Http1, source, null);
        using Socket client = await lab.Pair.ConnectClientAsync();
        await client.SendAllAsync("GET / HTTP/1.1\r\nhost : x\r\n\r\n"u8.ToArray());
        JsonElement record = (await source.RecordsAsync(1))[0];
        Assert.Equal(("http_request_error", 400), (Text(record, "proxy_error"), record.GetProperty("response_code").GetInt32()));
        Assert.False(record.TryGetProperty("method", out _));
    }

    [Fact]
    public async Task NothingIsNotedUntilItIsAskedFor()
    {
        using RequestLab source = new();
        await using RoutingLab lab = Lab(HttpProtocols.Http1, HttpProtocols.Http1, source, null);
        await lab.AddServerAsync("web");
        lab.Route(To("web"));
        await lab.GetAsync("/before");
        source.Telemetry.Use(new MeshSettings { AccessLog = RequestLab.All with { HasQuery = true } });
        await lab.GetAsync("/during?a=b");
        JsonElement record = (await source.RecordsAsync(1))[0];
        source.Telemetry.Use(new MeshSettings());
        await lab.GetAsync("/after");
        Assert.Equal("/during?a=b", Text(record, "path"));
        Assert.Single(await source.RecordsAsync(1));
    }

    private static RoutingLab Lab(HttpProtocols client, HttpProtocols servers, RequestLab? source, RequestLab? destination)
    {
        RoutingLab lab = new(client, servers);
        lab.Pair.Source.RequestObserver = source is null ? null : source.Observe;
        lab.Pair.Destination.RequestObserver = destination is null ? null : destination.Observe;
        return lab;
    }

    private static string? Text(JsonElement record, string field) => record.GetProperty(field).GetString();
}

using Culvert.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>What browsers are told of pages of other origins, in all pairs of versions.</summary>
public sealed class CorsTests
{
    private const string Shop = "https://shop.example";

    private static readonly HttpCors Named = new()
    {
        AllowOrigins = [OriginPattern.Parse(Shop), OriginPattern.Parse("https://*.shop.example")],
        AllowMethods = ["GET", "PUT"],
        AllowHeaders = ["X-Token", "X-Trace"],
        ExposeHeaders = ["X-Total"],
        MaxAge = 600,
    };

    /// <summary>What clients speak, and what servers do.</summary>
    public static TheoryData<HttpProtocols, HttpProtocols> Versions => RoutingTests.Versions;

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task APreflightIsAnsweredByTheProxy(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = await LabAsync(client, servers, Named);
        for (int i = 0; i < 3; i++)
        {
            using HttpResponseMessage answer = await PreflightAsync(lab, "https://www.shop.example");
            Assert.Equal(204, (int)answer.StatusCode);
            Assert.Equal(
                [
                    "access-control-allow-headers: X-Token, X-Trace",
                    "access-control-allow-methods: GET, PUT",
                    "access-control-allow-origin: https://www.shop.example",
                    "access-control-max-age: 600",
                    "vary: origin, access-control-request-method, access-control-request-headers",
                ],
                FieldsOf(answer));
        }

        Assert.Empty(lab.Asked);
        Assert.Equal(1, (await lab.Pair.CountAsync()).Connections);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task OneOfAnOriginThatMayNotAskIsAnsweredWithoutAWord(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = await LabAsync(client, servers, Named);
        using HttpResponseMessage answer = await PreflightAsync(lab, "https://evil.example");
        Assert.Equal(204, (int)answer.StatusCode);
        Assert.Equal(["vary: origin, access-control-request-method, access-control-request-headers"], FieldsOf(answer));
        Assert.Empty(lab.Asked);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task AResponseSaysWhatTheRouteSaysAndNotItsServer(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = await LabAsync(client, servers, Named);
        Assert.Equal(
            ["access-control-allow-origin: https://shop.example", "access-control-expose-headers: X-Total", "vary: accept, origin"], await AskAsync(lab, Shop));
        Assert.Equal(["vary: accept, origin"], await AskAsync(lab, "https://evil.example"));
        Assert.Equal(["vary: accept, origin"], await AskAsync(lab, origin: null));
        Assert.Equal(3, lab.Asked["web"]);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task AllOriginsAreAStarThatMayBeKeptForAll(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = await LabAsync(client, servers, new HttpCors { AllowOrigins = [OriginPattern.Any], AllowMethods = ["*"], AllowHeaders = ["*"], ExposeHeaders = ["*"] });
        string[] told = ["access-control-allow-origin: *", "access-control-expose-headers: *", "vary: accept"];
        Assert.Equal(told, await AskAsync(lab, Shop));
        Assert.Equal(told, await AskAsync(lab, origin: null));
        using HttpResponseMessage answer = await PreflightAsync(lab, "null");
        Assert.Equal(["access-control-allow-headers: authorization,x-token", "access-control-allow-methods: DELETE", "access-control-allow-origin: *", "access-control-max-age: 5"], FieldsOf(answer)[..4]);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task WithCredentialsNothingIsAStar(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = await LabAsync(client, servers, new HttpCors { AllowOrigins = [OriginPattern.Any], AllowCredentials = true, AllowMethods = ["*"], AllowHeaders = ["*"] });
        Assert.Equal(["access-control-allow-credentials: true", "access-control-allow-origin: https://shop.example", "vary: accept, origin"], await AskAsync(lab, Shop));
        using HttpResponseMessage answer = await PreflightAsync(lab, Shop);
        Assert.Equal(
            ["access-control-allow-credentials: true", "access-control-allow-headers: authorization,x-token", "access-control-allow-methods: DELETE", "access-control-allow-origin: https://shop.example", "access-control-max-age: 5"],
            FieldsOf(answer)[..5]);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task OptionsThatIsNoPreflightIsTheServers(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = await LabAsync(client, servers, Named);
        using HttpRequestMessage request = lab.Request(HttpMethod.Options, "/");
        request.Headers.Add("origin", Shop);
        using HttpResponseMessage response = await lab.Client.SendAsync(request);
        Assert.Equal("web OPTIONS", await response.Content.ReadAsStringAsync());
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task ARedirectIsForThePagesAsWell(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        lab.Route(RoutingLab.Below("/") with { Filters = new HttpRouteFilters { Cors = Named, Redirect = new HttpRedirect { Host = "www.example" } } });
        Assert.Equal(["access-control-allow-origin: https://shop.example", "access-control-expose-headers: X-Total", "vary: origin"], await AskAsync(lab, Shop, 302));
        using HttpResponseMessage answer = await PreflightAsync(lab, Shop);
        Assert.Equal(204, (int)answer.StatusCode);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task WhatIsTriedAgainKeepsItsOrigin(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = await LabAsync(client, servers, Named);
        lab.AddBackend("dead", 1);
        lab.Route(RoutingLab.Below("/", ("web", 1), ("dead", 1)) with { Filters = new HttpRouteFilters { Cors = Named } });
        for (int i = 0; i < 20; i++) Assert.Equal("access-control-allow-origin: https://shop.example", (await AskAsync(lab, Shop))[0]);
        Assert.NotEmpty(lab.Pair.Source.Failed);
    }

    // Its server allows everything to everybody.
    private static async Task<RoutingLab> LabAsync(HttpProtocols client, HttpProtocols servers, HttpCors cors)
    {
        RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("web", async context =>
        {
            lab.Asked.AddOrUpdate("web", 1, (_, before) => before + 1);
            context.Response.Headers["Access-Control-Allow-Origin"] = "*";
            context.Response.Headers["Access-Control-Allow-Credentials"] = "true";
            context.Response.Headers["Access-Control-Expose-Headers"] = "*";
            context.Response.Headers.Vary = "accept";
            await context.Response.WriteAsync($"web {context.Request.Method}");
        });
        lab.Route(RoutingLab.Below("/", ("web", 1)) with { Filters = new HttpRouteFilters { Cors = cors } });
        return lab;
    }

    private static async Task<HttpResponseMessage> PreflightAsync(RoutingLab lab, string origin)
    {
        using HttpRequestMessage request = lab.Request(HttpMethod.Options, "/cart");
        request.Headers.Add("origin", origin);
        request.Headers.Add("access-control-request-method", "DELETE");
        request.Headers.Add("access-control-request-headers", "authorization,x-token");
        return await lab.Client.SendAsync(request);
    }

    private static async Task<string[]> AskAsync(RoutingLab lab, string? origin, int status = 200)
    {
        using HttpRequestMessage request = lab.Request(HttpMethod.Get, "/cart");
        if (origin is not null) request.Headers.Add("origin", origin);
        using HttpResponseMessage response = await lab.Client.SendAsync(request);
        Assert.Equal(status, (int)response.StatusCode);
        return FieldsOf(response);
    }

    // All that is about origins.
    private static string[] FieldsOf(HttpResponseMessage response) =>
    [
        .. response.Headers.NonValidated.Where(h => h.Key.StartsWith("access-control", StringComparison.OrdinalIgnoreCase) || h.Key.Equals("vary", StringComparison.OrdinalIgnoreCase))
            .Select(h => $"{h.Key.ToLowerInvariant()}: {string.Join(", ", h.Value)}").Order(StringComparer.Ordinal),
    ];
}

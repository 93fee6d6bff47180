using System.Collections.Immutable;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Culvert.Core;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Http.Authorizers;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>Requests that a RateLimit has wait, in all pairs of versions, at the servers' node and at the client's where that is the same.</summary>
public sealed class RateLimitDelayTests
{
    /// <summary>What clients speak, what servers do, and whether they are of the client's own node.</summary>
    public static TheoryData<HttpProtocols, HttpProtocols, bool> Places => AuthorizerTests.Places;

    [Theory]
    [MemberData(nameof(Places))]
    public async Task WhatComesBeyondWaitsUntilItIsOnTimeAndTheRestIsRefused(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        await using RoutingLab lab = await LabAsync(client, servers, isNear, new RateLimit { Requests = 2, Seconds = 1, Burst = 3, DelayAfter = 1 });
        long began = Stopwatch.GetTimestamp();
        Assert.Equal("web GET shop /slow", await lab.GetAsync("/slow"));
        (int Status, TimeSpan Time)[] answers = await Task.WhenAll(Enumerable.Range(0, 3).Select(i => AskAsync(lab, began, i == 0 ? "body" : null)));
        Assert.Equal([200, 200, 429], answers.Select(a => a.Status).Order());
        TimeSpan[] passed = [.. answers.Where(a => a.Status == 200).Select(a => a.Time).Order()];
        Assert.True(passed[0] >= TimeSpan.FromMilliseconds(499), passed[0].ToString());
        Assert.True(passed[1] >= TimeSpan.FromMilliseconds(999), passed[1].ToString());
        Assert.Equal(3, lab.Asked["web"]);
        Assert.Equal(2, Mesh(lab, isNear).Delayed.Count);
        Assert.Equal(new NamespacedName("b", "slow"), Assert.Single(Mesh(lab, isNear).Limited));
        Assert.Empty(Mesh(lab, isNear).Faults);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task OthersDoNotWaitForThem(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        await using RoutingLab lab = await LabAsync(client, servers, isNear, new RateLimit { Requests = 1, Seconds = 1, Burst = 2, DelayAfter = 1 });
        Assert.Equal("web GET shop /slow", await lab.GetAsync("/slow"));
        Task<string> waiting = lab.GetAsync("/slow");
        await lab.UntilAsync(() => Mesh(lab, isNear).Delayed.Count == 1);
        for (int i = 0; i < 3; i++) Assert.Equal("web GET shop /free", await lab.GetAsync("/free"));
        Assert.False(waiting.IsCompleted);
        Assert.Equal("web GET shop /slow", await waiting);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public async Task OneThatItsClientGivesUpIsForgottenAtOnceAndItsPlaceIsFree(HttpProtocols client, HttpProtocols servers, bool isNear)
    {
        await using RoutingLab lab = await LabAsync(client, servers, isNear, new RateLimit { Requests = 6, Seconds = 60, Burst = 7, DelayAfter = 1 }, new AuthorizerLimits { MaxDelayedOfNamespace = 1 });
        Assert.Equal("web GET shop /slow", await lab.GetAsync("/slow"));
        if (client == HttpProtocols.Http2) await GiveUpByStreamAsync(lab, isNear);
        else await GiveUpByResetAsync(lab, isNear);
        using CancellationTokenSource cancel = new();
        await UntilOneMayWaitAsync(lab, isNear, cancel.Token);
        await cancel.CancelAsync();
        Assert.Equal("web GET shop /free", await lab.GetAsync("/free"));
        Assert.Equal(client == HttpProtocols.Http2 ? 2 : 3, lab.Asked["web"]);
        Assert.Empty(Mesh(lab, isNear).Faults);
    }

    private static async Task GiveUpByStreamAsync(RoutingLab lab, bool isNear)
    {
        using CancellationTokenSource cancel = new();
        Task<HttpResponseMessage> waiting = lab.Client.SendAsync(lab.Request(HttpMethod.Get, "/slow"), cancel.Token);
        await lab.UntilAsync(() => Mesh(lab, isNear).Delayed.Count == 1);
        Assert.Equal(429, (await AskAsync(lab, 0)).Status);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    private static async Task GiveUpByResetAsync(RoutingLab lab, bool isNear)
    {
        using Socket socket = await lab.Pair.ConnectClientAsync();
        await socket.SendAsync("GET /free HTTP/1.1\r\nhost: shop\r\n\r\n"u8.ToArray()); // has connections made
        StringBuilder answer = new();
        byte[] room = new byte[4096];
        while (!answer.ToString().Contains("web GET shop /free", StringComparison.Ordinal)) answer.Append(Encoding.ASCII.GetString(room, 0, await socket.ReceiveAsync(room)));
        await socket.SendAsync("GET /slow HTTP/1.1\r\nhost: shop\r\n\r\n"u8.ToArray());
        await lab.UntilAsync(() => Mesh(lab, isNear).Delayed.Count == 1);
        Assert.Equal(429, (await AskAsync(lab, 0)).Status);
        socket.LingerState = new LingerOption(true, 0);
    }

    // A place is free when one more waits: what finds none is refused at once, and counts for nothing.
    private static async Task UntilOneMayWaitAsync(RoutingLab lab, bool isNear, CancellationToken cancelled)
    {
        for (int i = 0; i < 5000; i++)
        {
            Task<(int Status, TimeSpan Time)> asked = AskAsync(lab, 0, body: null, cancelled);
            while (!asked.IsCompleted && Mesh(lab, isNear).Delayed.Count < 2) await lab.Pair.CountAsync();
            if (Mesh(lab, isNear).Delayed.Count >= 2) return;
            Assert.Equal(429, (await asked).Status);
        }

        Assert.Fail("the place of a request that was given up is not free");
    }

    private static async Task<(int Status, TimeSpan Time)> AskAsync(RoutingLab lab, long began, string? body = null, CancellationToken cancelled = default)
    {
        HttpRequestMessage request = lab.Request(body is null ? HttpMethod.Get : HttpMethod.Post, "/slow");
        if (body is not null) request.Content = new StringContent(body);
        using HttpResponseMessage response = await lab.Client.SendAsync(request, cancelled);
        return ((int)response.StatusCode, Stopwatch.GetElapsedTime(began));
    }

    private static FakeMesh Mesh(RoutingLab lab, bool isNear) => isNear ? lab.Pair.Source : lab.Pair.Destination;

    private static async Task<RoutingLab> LabAsync(HttpProtocols client, HttpProtocols servers, bool isNear, RateLimit limit, AuthorizerLimits? limits = null)
    {
        RoutingLab lab = new(client, servers, o => o with { Loops = 1, Http = o.Http with { Authorizers = limits ?? o.Http.Authorizers } });
        await lab.AddServerAsync("web");
        if (isNear) lab.BringNear();
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        (isNear ? lab.Pair.Source : lab.Pair.Destination).Rules = LimitRules.Of(lab, "slow", limit, "/slow");
        await lab.RevalidateAsync();

        return lab;
    }
}

using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>How many connections there are to a Service port for requests, and how many wait for one, in all pairs of versions of HTTP.</summary>
public sealed class ConnectionLimitTests
{
    public static TheoryData<HttpProtocols, HttpProtocols> Versions => RoutingTests.Versions;

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task RequestsWaitForAConnectionAndThoseThatAreTooManyAreAnswered(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        using SemaphoreSlim arrived = new(0), answer = new(0);
        await AddServerAsync(lab, arrived, answer);
        RequestSettings settings = new() { Policy = new("b", "calm"), MaxConnections = 1, MaxPendingRequests = 1, Outliers = new OutlierDetection(1, TimeSpan.FromHours(1), 100) };
        PortRequests port = lab.Count(settings, "web");
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        using HttpClient second = lab.MakeClient(), third = lab.MakeClient();
        using CancellationTokenSource givenUp = new();
        Task<HttpResponseMessage> running = lab.Client.GetAsync(lab.Client.BaseAddress);
        Assert.True(await arrived.WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.Equal((1, 0), (port.ConnectionLimit.Count, port.Pending));
        Task<HttpResponseMessage> waiting = second.GetAsync(second.BaseAddress, givenUp.Token);
        await lab.UntilAsync(() => port.Pending == 1 && port.ConnectionLimit.IsWanted);
        Assert.Equal(
            (503, "culvert; error=connection_limit_reached; details=\"overflow: Service b/shop has as many requests of this node that wait for a connection as TrafficPolicy b/calm allows\""),
            RoutingLab.Of(await third.GetAsync(third.BaseAddress)));
        Assert.Equal((false, 1, 1), (lab.Counted("web").IsOut, port.ConnectionLimit.Count, port.Pending));

        // The first is answered: its connection is for the second, or one in its place.
        answer.Release();
        Assert.Equal(200, RoutingLab.Of(await running).Status);
        Assert.True(await arrived.WaitAsync(TimeSpan.FromSeconds(20)));
        answer.Release();
        Assert.Equal(200, RoutingLab.Of(await waiting).Status);
        await lab.UntilAsync(() => port.Running == 0);
        Assert.Equal((1, 0), (port.ConnectionLimit.Count, port.Pending));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task WhatIsGivenUpWaitsNoLonger(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        using SemaphoreSlim arrived = new(0), answer = new(0);
        await AddServerAsync(lab, arrived, answer);
        PortRequests port = lab.Count(new RequestSettings { Policy = new("b", "calm"), MaxConnections = 1, Outliers = new OutlierDetection(1, TimeSpan.FromHours(1), 100) }, "web");
        lab.Route(RoutingLab.Below("/late", ("web", 1)) with { RequestTimeout = TimeSpan.FromMilliseconds(200) }, RoutingLab.Below("/", ("web", 1)));
        using HttpClient second = lab.MakeClient();
        Task<HttpResponseMessage> running = lab.Client.GetAsync(lab.Client.BaseAddress);
        Assert.True(await arrived.WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.Equal(504, RoutingLab.Of(await second.GetAsync(new Uri("/late", UriKind.Relative))).Status);
        await lab.UntilAsync(() => port.Pending == 0 && !port.ConnectionLimit.IsWanted);
        Assert.False(lab.Counted("web").IsOut); // it has had nothing of it

        // A raised limit counts at once for who waits.
        using HttpClient third = lab.MakeClient();
        Task<HttpResponseMessage> waiting = third.GetAsync(third.BaseAddress);
        await lab.UntilAsync(() => port.ConnectionLimit.IsWanted);
        port.Settings = port.Settings with { MaxConnections = 2 };
        Assert.True(await arrived.WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.Equal(2, port.ConnectionLimit.Count);
        answer.Release(2);
        Assert.Equal((200, 200), (RoutingLab.Of(await running).Status, RoutingLab.Of(await waiting).Status));
        await lab.UntilAsync(() => port.Running == 0);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ConnectionsThatWereMadeBeforeThereWasALimitGiveWay(bool wereCounted)
    {
        await using RoutingLab lab = new(HttpProtocols.Http1, HttpProtocols.Http1);
        using SemaphoreSlim arrived = new(0), answer = new(0);
        await AddServerAsync(lab, arrived, answer);
        RequestSettings unlimited = new() { Policy = new("b", "calm") };
        PortRequests? port = wereCounted ? lab.Count(unlimited, "web") : null;
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        HttpClient[] clients = [lab.MakeClient(), lab.MakeClient(), lab.MakeClient()];
        Task<HttpResponseMessage>[] first = await AskAllAsync();
        answer.Release(3);
        foreach (Task<HttpResponseMessage> one in first) Assert.Equal(200, RoutingLab.Of(await one).Status);

        if (port is null)
        {
            port = lab.Count(unlimited with { MaxConnections = 1 }, "web");
        }
        else
        {
            port.Settings = port.Settings with { MaxConnections = 1 };
            await lab.UntilAsync(() => port.ConnectionLimit.Count == 1); // nobody uses them
        }

        Task<HttpResponseMessage>[] next = [.. clients.Select(c => c.GetAsync(c.BaseAddress))];
        for (int i = 0; i < clients.Length; i++)
        {
            Assert.True(await arrived.WaitAsync(TimeSpan.FromSeconds(10)));
            Assert.False(await arrived.WaitAsync(TimeSpan.FromMilliseconds(50))); // one at a time
            answer.Release();
        }

        foreach (Task<HttpResponseMessage> one in next) Assert.Equal(200, RoutingLab.Of(await one).Status);
        Assert.Equal(1, port.ConnectionLimit.Count);
        foreach (HttpClient client in clients) client.Dispose();

        async Task<Task<HttpResponseMessage>[]> AskAllAsync()
        {
            Task<HttpResponseMessage>[] asked = [.. clients.Select(c => c.GetAsync(c.BaseAddress))];
            for (int i = 0; i < clients.Length; i++) Assert.True(await arrived.WaitAsync(TimeSpan.FromSeconds(10)));
            return asked;
        }
    }

    [Theory]
    [InlineData(HttpProtocols.Http1)]
    [InlineData(HttpProtocols.Http2)]
    public async Task WhatIsRefusedAsTooManyWaitsForNothing(HttpProtocols servers)
    {
        await using RoutingLab lab = new(HttpProtocols.Http2, servers);
        using SemaphoreSlim arrived = new(0), answer = new(0);
        await AddServerAsync(lab, arrived, answer);
        PortRequests port = lab.Count(new RequestSettings { Policy = new("b", "calm"), MaxConnections = 1, MaxPendingRequests = 1 }, "web");
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        using HttpClient second = lab.MakeClient(), third = lab.MakeClient();
        using CancellationTokenSource givenUp = new();
        Task<HttpResponseMessage> running = lab.Client.GetAsync(lab.Client.BaseAddress);
        Assert.True(await arrived.WaitAsync(TimeSpan.FromSeconds(10)));
        Task<HttpResponseMessage> waiting = second.GetAsync(second.BaseAddress, givenUp.Token);
        await lab.UntilAsync(() => port.Pending == 1 && port.ConnectionLimit.IsWanted);
        Assert.Equal(503, RoutingLab.Of(await third.GetAsync(third.BaseAddress)).Status);
        await givenUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        await lab.UntilAsync(() => port.Pending == 0 && !port.ConnectionLimit.IsWanted);
        answer.Release();
        Assert.Equal(200, RoutingLab.Of(await running).Status);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task ManyRequestsGoByFewConnections(HttpProtocols client, HttpProtocols servers)
    {
        await using RoutingLab lab = new(client, servers);
        await lab.AddServerAsync("web");
        await lab.AddServerAsync("other");
        PortRequests port = lab.Count(new RequestSettings { Policy = new("b", "calm"), MaxConnections = 2, MaxPendingRequests = 1000 }, "web", "other");
        lab.Route(RoutingLab.Below("/", ("web", 1), ("other", 1)));
        int most = 0;
        Task<int>[] all = [.. Enumerable.Range(0, client == HttpProtocols.Http1 && servers == HttpProtocols.Http2 ? 8 : 60).Select(async _ =>
        {
            int status = RoutingLab.Of(await lab.Client.GetAsync(lab.Client.BaseAddress)).Status;
            most = Math.Max(most, port.ConnectionLimit.Count);
            return status;
        })];
        Assert.All(await Task.WhenAll(all).WaitAsync(TimeSpan.FromSeconds(60)), status => Assert.Equal(200, status));
        Assert.InRange(most, 1, 2);
        await lab.UntilAsync(() => port.Running == 0 && port.Pending == 0);
    }

    // Its answers are held back.
    private static Task AddServerAsync(RoutingLab lab, SemaphoreSlim arrived, SemaphoreSlim answer) => lab.AddServerAsync("web", async context =>
    {
        arrived.Release();
        await answer.WaitAsync(context.RequestAborted);
    });
}

using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>As many requests as a large node has run at once, none of which ends before all have come, and each has its own answer.</summary>
public sealed class ManyStreamsTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task TenThousandRequestsAtOnceHaveEachItsOwnAnswer(bool isNear)
    {
        const int Streams = 10_000;
        await using RoutingLab lab = await WaitForAllAsync(Streams);
        if (isNear) lab.BringNear();
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        await AskAllAsync(lab, Streams, hasManyConnections: true);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task WhatAServerDoesNotTakeByOneConnectionGoesByOthers(bool isNear)
    {
        // Kestrel takes 100 streams by a connection.
        const int Streams = 900;
        await using RoutingLab lab = await WaitForAllAsync(Streams);
        if (isNear) lab.BringNear();
        lab.Route(RoutingLab.Below("/", ("web", 1)));
        await AskAllAsync(lab, Streams, hasManyConnections: false);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ClientsWithoutRoutesLearnWhatTheirServerTakes(bool isNear)
    {
        const int Streams = 900;
        await using RoutingLab lab = await WaitForAllAsync(Streams);
        if (isNear) lab.BringNear();
        lab.LeadTo("web");
        await AskAllAsync(lab, Streams, hasManyConnections: true);
    }

    // A server that answers none before all have come.
    private static async Task<RoutingLab> WaitForAllAsync(int streams)
    {
        RoutingLab lab = new(HttpProtocols.Http2, HttpProtocols.Http2);
        TaskCompletionSource allAreHere = new(TaskCreationOptions.RunContinuationsAsynchronously);
        int here = 0;
        await lab.AddServerAsync("web", async context =>
        {
            string asked = await new StreamReader(context.Request.Body).ReadToEndAsync();
            if (Interlocked.Increment(ref here) == streams) allAreHere.SetResult();
            await allAreHere.Task;
            await context.Response.WriteAsync($"answer to {asked}");
        });
        return lab;
    }

    private static async Task AskAllAsync(RoutingLab lab, int streams, bool hasManyConnections)
    {
        using SocketsHttpHandler connections = new() { EnableMultipleHttp2Connections = hasManyConnections, ConnectCallback = async (_, _) => new NetworkStream(await lab.Pair.ConnectClientAsync(), ownsSocket: true) };
        using HttpClient client = new(connections) { Timeout = TimeSpan.FromSeconds(60), BaseAddress = lab.Client.BaseAddress };
        string[] answers = await Task.WhenAll(Enumerable.Range(0, streams).Select(i => AskAsync(client, lab, i)));
        Assert.Equal(Enumerable.Range(0, streams).Select(i => string.Create(CultureInfo.InvariantCulture, $"answer to {i}")), answers);
        Assert.Empty(lab.Pair.Source.Faults);
    }

    private static async Task<string> AskAsync(HttpClient client, RoutingLab lab, int number)
    {
        using HttpRequestMessage request = lab.Request(HttpMethod.Post, "/");
        request.Content = new StringContent(number.ToString(CultureInfo.InvariantCulture));
        using HttpResponseMessage response = await client.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await response.Content.ReadAsStringAsync();
    }
}

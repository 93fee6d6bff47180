using Culvert.Core;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Http;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.Tests.Shared;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>What requests with long heads keep of the proxies' memory while they run, however many connections a client has for them. Alone: the heap is all tests'.</summary>
[Collection(AloneCollection.Name)]
[Trait("Category", "Attack")]
public sealed class ManyHeadsTests : IDisposable
{
    private const int Connections = 20, Streams = 1000;

    // A request that runs costs each proxy 2 KB at most, wherever its head is: measured, 1 KB.
    private const int OfRequest = 2 << 10;

    // A connection has heads of 1 MiB that wait, in lists with room for a little more, and half as much output in an array of 1 MiB.
    private const int OfConnection = 5 << 19;

    private readonly SemaphoreSlim _counted = new(0);

    public void Dispose() => _counted.Dispose();

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task HeadsOfRequestsThatRunAreNotKept(bool isRouted, bool isNear)
    {
        await using RoutingLab lab = new(HttpProtocols.Http2, HttpProtocols.Http2);
        using SilentServer server = new(lab.Pair, Streams, OnCounted);
        lab.AddBackend("web", server.Port);
        if (isNear) lab.BringNear();
        if (isRouted) lab.Route(RoutingLab.Below("/", ("web", 1)));
        else lab.LeadTo("web");
        await RunAsync(lab, server, RawFrames.Requests(10, fields: 12, "POST", endStream: false), isRouted, connections: 1, all: 10);
        long before = Heap();
        int asked = server.Requests;
        byte[] requests = RawFrames.Requests(Streams, fields: 12, "POST", endStream: false);
        long whileTheyRan = await RunAsync(lab, server, requests, isRouted, Connections, asked + (Connections * Streams)) - before;
        int proxies = isNear ? 1 : 2;
        long bound = (long)proxies * Connections * ((Streams * OfRequest) + OfConnection); // kept heads came to 330 MB with one proxy
        Assert.InRange(whileTheyRan - requests.Length, long.MinValue, bound);
        Assert.InRange(Heap() - before - requests.Length, long.MinValue, bound / 3); // the shared pool keeps arrays of output for a while
        GC.KeepAlive(requests);
    }

    [Fact]
    public void AllConnectionsOfAClientTogetherHaveAShare()
    {
        using BufferPool pool = new(64 << 20, 0); // 16 MiB of heads and requests
        BufferAccount greedy = pool.Open(BudgetHolder.Of(SpiffeId.Parse(ProxyPair.Alice))), other = pool.Open(BudgetHolder.Of(SpiffeId.Parse(ProxyPair.Bob)));
        List<HeadRoom> rooms = [];
        int held = 0;
        for (int i = 0; i < 100; i++)
        {
            HeadRoom room = new(greedy, 1 << 20);
            rooms.Add(room);
            while (room.TryHold(12_000)) held += 12_000;
        }

        Assert.InRange(held, (8 << 20) - 12_000, 8 << 20); // half of it is left for others, who do not notice
        HeadRoom others = new(other, 1 << 20);
        Assert.True(others.TryHold(1 << 20));
        Assert.True(others.TryEnter());
        Assert.False(others.TryHold(1)); // what one connection may have
        Assert.False(rooms[0].HasSpare(1));
        foreach (HeadRoom room in rooms) room.End();
        pool.Close(greedy);
        Assert.Equal(0, greedy.KeptBytes);
        others.Drop(1 << 20);
        others.Leave();
        Assert.Equal(0, pool.KeptBytes);
    }

    // The heap while as many requests run as were let pass.
    private async Task<long> RunAsync(RoutingLab lab, SilentServer server, byte[] requests, bool isRouted, int connections, int all)
    {
        List<RawFrames> clients = [];
        for (int i = 0; i < connections; i++)
        {
            clients.Add(new RawFrames(await lab.Pair.ConnectClientAsync(), OnCounted));
            await clients[i].SendAsync(RawFrames.ClientStart());
        }

        // Where there is one server for a client's connection it says how many requests it takes, and those beyond are refused.
        while (!isRouted && clients.Exists(c => c.Settings < 2)) await CountedAsync();
        await Task.WhenAll(clients.Select(c => c.SendAsync(requests)));
        while (server.Requests + clients.Sum(c => c.Resets) < all) await CountedAsync();
        Assert.Equal(0, clients.Sum(c => c.Heads));
        long heap = Heap();
        foreach (RawFrames client in clients)
        {
            client.Dispose();
            await client.Reading;
        }

        await lab.UntilAsync(() => ConnectionsOf(lab.Pair.SourceProxy) + ConnectionsOf(lab.Pair.DestinationProxy) == 0);
        return heap;
    }

    private static int ConnectionsOf(ProxyServer proxy) => proxy.GetStatsAsync().GetAwaiter().GetResult().Sum(s => s.Connections);

    private static long Heap()
    {
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        return GC.GetTotalMemory(forceFullCollection: true);
    }

    private void OnCounted() => _counted.Release();

    private async Task CountedAsync() => Assert.True(await _counted.WaitAsync(TimeSpan.FromSeconds(30)), "nothing more comes");
}

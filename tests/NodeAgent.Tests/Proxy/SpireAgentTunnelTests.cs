using System.Net.Sockets;
using Culvert.Core;
using Culvert.NodeAgent.Identity;
using Culvert.NodeAgent.Identity.Spire;
using Culvert.NodeAgent.Proxy;
using Culvert.Protocol;
using Culvert.Tests.Shared.Spire;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>Tunnels between two nodes whose certificates SPIRE agents give, while these come and go.</summary>
public sealed class SpireAgentTunnelTests : IAsyncDisposable
{
    private const string TrustDomain = "cluster.local";
    private readonly StandInSpireAgent _agent = new(TrustDomain);
    private readonly ProxyPair _pair = new();
    private readonly List<SpireSvidStore> _stores = [];

    public async ValueTask DisposeAsync()
    {
        await _pair.DisposeAsync();
        foreach (SpireSvidStore store in _stores) await store.DisposeAsync();
        await _agent.DisposeAsync();
    }

    [Fact]
    public async Task ALiveTunnelOutlivesTheAgentsRestartAndNewOnesUseWhatItBrings()
    {
        using Socket listener = await BeginAsync();
        (Socket client, Socket server) = await _pair.BeginAsync(listener);
        Assert.Single(_pair.Source.Handshakes);

        // Away: what is there serves, for new tunnels as well.
        await _agent.StopAsync();
        await SocketExtensions.EventuallyAsync(() => _stores.All(s => s.IsConnected is false));
        await ExchangeAsync(client, server);
        (Socket during, Socket duringServer) = await _pair.BeginAsync(listener);
        Assert.All(_stores, s => Assert.Equal(1, Assert.Single(s.List()).Svid!.Version));

        // Back, with another key and certificate for all.
        await _agent.StartAsync();
        await SocketExtensions.EventuallyAsync(() => _stores.All(s => Assert.Single(s.List()).Svid!.Version == 2));
        await ExchangeAsync(client, server);
        await ExchangeAsync(during, duringServer);
        await SocketExtensions.EventuallyAsync(async () =>
        {
            // Until GOAWAY has arrived, new streams may still share the old tunnel.
            (Socket c, Socket s) = await _pair.BeginAsync(listener);
            c.Dispose();
            s.Dispose();
            return _pair.Source.Handshakes.Count > 1;
        });
        await ExchangeAsync(client, server);
        Assert.Empty(_pair.Source.Failed);
        Assert.Empty(_pair.Destination.Failed);
        foreach (Socket socket in new[] { client, server, during, duringServer }) socket.Dispose();
    }

    [Fact]
    public async Task WithoutItsEntryAWorkloadOpensNoTunnelAndKeepsThoseThatItHas()
    {
        using Socket listener = await BeginAsync();
        (Socket client, Socket server) = await _pair.BeginAsync(listener);
        _agent.Remove("alice");
        await SocketExtensions.EventuallyAsync(() => !_pair.Source.Identities.ContainsKey(SpiffeId.Parse(ProxyPair.Alice)));
        await ExchangeAsync(client, server);
        client.Dispose();
        server.Dispose();
        Assert.Null(Assert.Single(_stores[0].List()).Svid);
        Assert.Contains("no entry of this identity", _stores[0].List()[0].LastError, StringComparison.Ordinal);
    }

    private static async Task ExchangeAsync(Socket client, Socket server)
    {
        await client.SendAllAsync("live"u8.ToArray());
        await server.ReceiveExactlyAsync(4);
        await server.SendAllAsync("live"u8.ToArray());
        await client.ReceiveExactlyAsync(4);
    }

    private async Task<Socket> BeginAsync()
    {
        _agent.Register("alice", ProxyPair.Alice, "k8s:ns:a", "k8s:sa:alice");
        _agent.Register("bob", ProxyPair.Bob, "k8s:ns:b", "k8s:sa:bob");
        await _agent.StartAsync();
        await FeedAsync(_pair.Source, _pair.SourceProxy, ProxyPair.Alice);
        await FeedAsync(_pair.Destination, _pair.DestinationProxy, ProxyPair.Bob);
        return _pair.ListenByTunnel();
    }

    /// <summary>Has a proxy prove and believe what the SPIRE agent gives.</summary>
    private async Task FeedAsync(FakeMesh mesh, ProxyServer proxy, string identity)
    {
        Assert.True(SpiffeEndpoint.TryParse($"unix://{_agent.Socket}", out SpiffeEndpoint? endpoint, out _));
        SpireSvidStore store = new(endpoint, [], TimeProvider.System, NullLogger.Instance);
        _stores.Add(store);
        TlsIdentityTable table = new(store, TimeProvider.System, NullLogger.Instance);
        store.Changed += table.Update;
        store.Withdrawn += table.Withdraw;
        SpiffeId id = SpiffeId.Parse(identity);
        mesh.Identities.Clear();
        table.Changed += () =>
        {
            if (table.Find(id) is { } current) mesh.Identities[id] = current;
            else mesh.Identities.TryRemove(id, out _);
            proxy.CertificatesChanged();
        };
        store.Want(new Dictionary<SpiffeId, string> { [id] = "a/w" });
        new TunnelTrust(table, store, NullLogger.Instance).Use(new TrustBundle(TrustDomain, []), new HashSet<SpiffeId> { id });
        await SocketExtensions.EventuallyAsync(() => mesh.Identities.ContainsKey(id));
    }
}

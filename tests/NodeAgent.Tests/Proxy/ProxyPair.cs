using System.Net;
using System.Net.Sockets;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Reasons;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>
/// Two proxies of one process over loopback: what connects to <see cref="Entry"/> comes out at the application's port, through a
/// tunnel.
/// </summary>
internal sealed class ProxyPair : IAsyncDisposable
{
    internal const string Alice = "spiffe://cluster.local/ns/a/sa/alice";
    internal const string Bob = "spiffe://cluster.local/ns/b/sa/bob";
    private static int _counter;

    internal ProxyPair(Func<ProxyOptions, ProxyOptions>? configure = null, bool ipv6 = false)
    {
        int n = Interlocked.Increment(ref _counter);
        SourceAddress = ipv6 ? IPAddress.IPv6Loopback : IPAddress.Parse($"127.66.{n / 250}.{(n % 250) + 1}");
        DestinationAddress = ipv6 ? IPAddress.IPv6Loopback : IPAddress.Parse($"127.77.{n / 250}.{(n % 250) + 1}");
        Source.Local = Workload("alice", "a", Alice, SourceAddress);
        Destination.Local = Workload("bob", "b", Bob, DestinationAddress);
        RenewSource();
        RenewDestination();
        configure ??= o => o;
        DestinationProxy = new ProxyServer(configure(Options(outbound: [], tunnels: [new SocketEndPoint(DestinationAddress, 0)])), Destination.Agent, TimeProvider.System);
        DestinationProxy.Start();
        SourceProxy = new ProxyServer(configure(Options(outbound: [new SocketEndPoint(SourceAddress, 0)], tunnels: [])), Source.Agent, TimeProvider.System);
        SourceProxy.Start();
    }

    internal TestAuthority Authority { get; } = new();

    internal FakeMesh Source { get; } = new();

    internal FakeMesh Destination { get; } = new();

    internal ProxyServer SourceProxy { get; }

    internal ProxyServer DestinationProxy { get; }

    internal IPAddress SourceAddress { get; }

    internal IPAddress DestinationAddress { get; }

    /// <summary>Where clients connect.</summary>
    internal IPEndPoint Entry => ToIp(SourceProxy.OutboundListeners[0].Local);

    /// <summary>The tunnel port.</summary>
    internal SocketEndPoint Tunnel => DestinationProxy.TunnelListeners[0].Local;

    internal static WorkloadInfo Workload(string name, string ns, string id, IPAddress address) => new()
    {
        Uid = $"{ns}/{name}",
        Name = new NamespacedName(ns, name),
        ServiceAccount = name,
        Identity = SpiffeId.Parse(id),
        Node = "test",
        Addresses = [address],
    };

    internal static IPEndPoint ToIp(SocketEndPoint endPoint) => new(endPoint.ToIPAddress(), endPoint.Port);

    internal void RenewSource() => Renew(Source, Alice);

    internal void RenewDestination() => Renew(Destination, Bob);

    /// <summary>Routes everything to this application port by tunnel.</summary>
    internal void RouteTo(int port, WorkloadInfo? expected = null) => Source.Route = _ =>
        OutboundRoute.Tunnel(Tunnel, new SocketEndPoint(DestinationAddress, port), expected ?? Destination.Local!);

    /// <summary>Routes everything to this application port in plaintext.</summary>
    internal void RoutePlain(int port) => Source.Route = _ => OutboundRoute.Passthrough(new SocketEndPoint(DestinationAddress, port));

    internal Socket Listen(int backlog = 4096)
    {
        Socket listener = new(DestinationAddress.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(DestinationAddress, 0));
        listener.Listen(backlog);
        return listener;
    }

    /// <summary>An application, and a tunnel that leads to it.</summary>
    internal Socket ListenByTunnel()
    {
        Socket listener = Listen();
        RouteTo(((IPEndPoint)listener.LocalEndPoint!).Port);
        return listener;
    }

    /// <summary>What the source's proxy has open.</summary>
    internal async Task<(int Connections, int Tunnels)> CountAsync()
    {
        ProxyLoopStats[] stats = await SourceProxy.GetStatsAsync();
        return (stats.Sum(s => s.Connections), stats.Sum(s => s.ClientTunnels));
    }

    internal async Task<(Socket Client, Socket Server)> ConnectAsync(Socket listener, IPAddress? from = null)
    {
        Socket client = await ConnectClientAsync(from);
        Socket server = await listener.AcceptAsync().WaitAsync(TimeSpan.FromSeconds(10));
        server.NoDelay = true;
        return (client, server);
    }

    /// <summary>Connects, and passes bytes: the proxies have not only been asked for the connection, it has begun.</summary>
    internal async Task<(Socket Client, Socket Server)> BeginAsync(Socket listener)
    {
        (Socket client, Socket server) = await ConnectAsync(listener);
        await client.SendAllAsync("begun"u8.ToArray());
        await server.ReceiveExactlyAsync(5);
        return (client, server);
    }

    internal async Task<Socket> ConnectClientAsync(IPAddress? from = null)
    {
        Socket client = new(Entry.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (from is not null) client.Bind(new IPEndPoint(from, 0));
        await client.ConnectAsync(Entry).WaitAsync(TimeSpan.FromSeconds(10));
        return client;
    }

    /// <summary>Connects; the client has to be reset, as the table of reasons says of this one, and the source's proxy to say why.</summary>
    internal async Task ExpectResetAsync(ProxyFailure failure)
    {
        int before = Source.Failed.Count;
        await ExpectResetAsync();
        await SocketExtensions.EventuallyAsync(() => Source.Failed.Count > before);
        Assert.Equal(failure, Source.Failed.Last().Failure);
        Assert.NotEqual(ReasonAnswer.Silent, ReasonTable.Find(ReasonText.Kebab(failure.ToString()))!.Answer);
    }

    /// <summary>Connects; the client has to be reset, whether or not it knows by then that it is connected.</summary>
    internal async Task ExpectResetAsync()
    {
        SocketException exception = await Assert.ThrowsAsync<SocketException>(async () =>
        {
            using Socket client = await ConnectClientAsync();
            await client.ReceiveToEndAsync();
        });
        Assert.Equal(SocketError.ConnectionReset, exception.SocketErrorCode);
    }

    public async ValueTask DisposeAsync()
    {
        await SourceProxy.DisposeAsync();
        await DestinationProxy.DisposeAsync();
        Authority.Dispose();
        Assert.Empty(Source.Faults);
        Assert.Empty(Destination.Faults);
    }

    private static ProxyOptions Options(IReadOnlyList<SocketEndPoint> outbound, IReadOnlyList<SocketEndPoint> tunnels) => new()
    {
        Loops = 1,
        Mark = SocketMark.None,
        Transparent = false,
        OutboundListeners = outbound,
        TunnelListeners = tunnels,
    };

    private void Renew(FakeMesh mesh, string id)
    {
        TestLeaf leaf = Authority.Issue(id);
        SpiffeId identity = SpiffeId.Parse(id);
        mesh.Identities[identity] = new TlsIdentity(identity, Authority.Context(false, leaf), Authority.Context(true, leaf));
    }
}

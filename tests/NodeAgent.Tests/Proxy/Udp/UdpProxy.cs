using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Culvert.Core;
using Culvert.Interop.Abi;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Udp;

namespace Culvert.NodeAgent.Tests.Proxy.Udp;

/// <summary>A proxy for datagrams over loopback, to which a test plays the kernel: it sends to the listener with headers of its own making.</summary>
internal sealed class UdpProxy : IAsyncDisposable
{
    internal static readonly WorkloadInfo Bob = ProxyPair.Workload("bob", "b", ProxyPair.Bob, IPAddress.Loopback);

    internal UdpProxy(bool transparent = false, int loops = 1, Func<ProxyOptions, ProxyOptions>? configure = null, IDatagramDraws? draws = null)
    {
        Mesh.Local = Bob;
        if (draws is not null) Mesh.Draws = draws;
        ProxyOptions options = new()
        {
            Loops = loops,
            OutboundListeners = [],
            TunnelListeners = [],
            UdpListeners = [new SocketEndPoint(IPAddress.Loopback, 0), new SocketEndPoint(IPAddress.IPv6Loopback, 0)],
            PlainListeners = [new SocketEndPoint(IPAddress.Loopback, 0)],
            Transparent = transparent,
            CheckCaptured = false,
            Mark = SocketMark.None,
        };
        Server = new ProxyServer(configure?.Invoke(options) ?? options, Mesh.Agent, TimeProvider.System);
        Server.Start();
    }

    internal FakeMesh Mesh { get; } = new();

    internal ProxyServer Server { get; }

    internal IPEndPoint Entry => ToIp(Server.UdpListeners[0].Local);

    internal IPEndPoint Entry6 => ToIp(Server.UdpListeners[^1].Local);

    internal IPEndPoint PlainEntry => ToIp(Server.PlainListeners[0].Local);

    /// <summary>Sends every session to one destination.</summary>
    internal void RouteTo(EndPoint target, OutboundRouteKind kind = OutboundRouteKind.Local, WorkloadInfo? destination = null, ServiceInfo? service = null)
    {
        SocketEndPoint point = Point((IPEndPoint)target);
        if (destination is not null) Mesh.Local = destination;
        Mesh.Route = _ => kind == OutboundRouteKind.Local ? OutboundRoute.Local(point, destination ?? Bob, service) : OutboundRoute.Passthrough(point);
    }

    /// <summary>A datagram as the kernel program hands it over.</summary>
    internal static byte[] Captured(EndPoint client, EndPoint destination, ReadOnlySpan<byte> payload, bool external = false, bool checksum = false, bool drawn = false)
    {
        byte[] buffer = new byte[128 + payload.Length];
        ProxyHeaderWriter writer = new(buffer.AsSpan(0, 128), TransportProtocol.Udp, HeaderPoint(client), HeaderPoint(destination));
        Span<byte> data = stackalloc byte[(int)CvAbi.TlvEndpointLength];
        data.Clear();
        data[0] = (byte)CvAbi.TlvEndpointVersion;
        BinaryPrimitives.WriteUInt32BigEndian(data[13..], (uint)((external ? CvSessionFlag.External : 0) | (drawn ? CvSessionFlag.Drawn : 0)));
        writer.TryAdd(ProxyTlvType.KernelData, data);
        int length = writer.Finish(checksum);
        payload.CopyTo(buffer.AsSpan(length));
        return buffer[..(length + payload.Length)];
    }

    internal static Socket Bind(string address, int port = 0)
    {
        IPAddress ip = IPAddress.Parse(address);
        Socket socket = new(ip.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 10_000, ReceiveBufferSize = 4 << 20 };
        socket.Bind(new IPEndPoint(ip, port));

        // Afterwards: before, the kernel may give two sockets the same port.
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, 1);
        return socket;
    }

    internal static SocketEndPoint Point(IPEndPoint point) => new(point.Address, point.Port);

    internal long HeaderErrors(ProxyProtocolError error) => Mesh.HeaderErrors.GetValueOrDefault(error);

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        Assert.Empty(Mesh.Faults);
    }

    private static ProxyEndPoint HeaderPoint(EndPoint point)
    {
        SocketEndPoint p = Point((IPEndPoint)point);
        return new ProxyEndPoint(p.High, p.Low, p.Port);
    }

    private static IPEndPoint ToIp(in SocketEndPoint point) => new(point.ToIPAddress(), point.Port);
}

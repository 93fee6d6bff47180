using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Netlink;
using Culvert.Labs;

namespace Culvert.SystemTests.Peers;

/// <summary>Packets as they are, headers and all: what whoever has raw sockets somewhere can send, and what reaches a place before any socket decides.</summary>
internal static class RawPackets
{
    private const ProtocolType WithHeader = ProtocolType.Raw; // 255: packets come with their IP header

    /// <summary>Sends packets from a place, whatever they say where they come from.</summary>
    public static async Task SendAsync(LabNamespace from, params IReadOnlyList<Packet> packets)
    {
        using var raw = Create(from, packets[0].Destination.AddressFamily, WithHeader);
        foreach (var packet in packets)
        {
            await raw.SendToAsync(packet.BuildIp(), SocketFlags.None, new IPEndPoint(packet.Destination, 0));
        }
    }

    /// <summary>Sends a packet with a mark from a place; it throws when there is no route for it.</summary>
    public static async Task SendMarkedAsync(LabNamespace from, uint mark, Packet packet)
    {
        const int SolSocket = 1, SoMark = 36; // asm-generic/socket.h
        using var raw = Create(from, packet.Destination.AddressFamily, WithHeader);
        raw.SetRawSocketOption(SolSocket, SoMark, BitConverter.GetBytes(mark));
        await raw.SendToAsync(packet.BuildIp(), SocketFlags.None, new IPEndPoint(packet.Destination, 0));
    }

    /// <summary>Starts to listen to a protocol at a place.</summary>
    public static Listener Listen(LabNamespace at, AddressFamily family, byte protocol) => new(Create(at, family, (ProtocolType)protocol), family);

    private static Socket Create(LabNamespace at, AddressFamily family, ProtocolType protocol)
    {
        using var place = NetworkNamespace.OpenPath(at.NamespacePath);
        return place.Run(() => new Socket(family, SocketType.Raw, protocol));
    }

    /// <summary>What came to a place, TCP or UDP, put together from its fragments.</summary>
    internal sealed class Listener : IAsyncDisposable
    {
        private readonly Socket _raw;
        private readonly Task _reading;
        private readonly ConcurrentBag<int> _sourcePorts = [];

        internal Listener(Socket raw, AddressFamily family)
        {
            _raw = raw;
            _raw.ReceiveBufferSize = 4 << 20;
            _reading = ReadAsync(family);
        }

        /// <summary>Whether something from a port has come.</summary>
        public bool HasHeard(int sourcePort) => _sourcePorts.Contains(sourcePort);

        public async ValueTask DisposeAsync()
        {
            _raw.Dispose();
            await _reading;
        }

        private async Task ReadAsync(AddressFamily family)
        {
            var packet = new byte[65_536];
            while (true)
            {
                try
                {
                    var length = await _raw.ReceiveAsync(packet);
                    var header = family == AddressFamily.InterNetwork ? (packet[0] & 0xf) * 4 : 0; // raw(7): IPv6 sockets do not show it
                    if (length >= header + 2)
                    {
                        _sourcePorts.Add((packet[header] << 8) | packet[header + 1]);
                    }
                }
                catch (Exception e) when (e is SocketException or ObjectDisposedException)
                {
                    return; // disposed
                }
            }
        }
    }
}

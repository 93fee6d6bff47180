using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Culvert.NodeAgent.Datapath.Delivery;

/// <summary>The sockets that probes are delivered to, where what is captured reaches them: behind the node's packet filter and routing rules. Not thread-safe.</summary>
internal sealed class DeliverySockets : IDisposable
{
    // linux/in.h, linux/in6.h.
    private const int SOL_IP = 0, IP_TRANSPARENT = 19, SOL_IPV6 = 41, IPV6_TRANSPARENT = 75;
    private const int LeastPort = 1024; // below, packet filters have rules about services

    private readonly Dictionary<AddressFamily, Socket> _sockets = [];

    /// <summary>Draws the ports.</summary>
    internal DeliverySockets() => Ports = new ProbePorts(Draw(), Draw());

    /// <summary>What the programs are to capture for them.</summary>
    internal ProbePorts Ports { get; }

    /// <summary>Has one listen at a destination, in the network namespace of this thread, in the place of the one before of its family.</summary>
    /// <returns>False when it can't: the port is taken there, or there is no such family.</returns>
    internal bool Listen(IPAddress destination)
    {
        if (_sockets.TryGetValue(destination.AddressFamily, out Socket? present))
        {
            if (present.LocalEndPoint is IPEndPoint at && at.Address.Equals(destination)) return true;
            present.Dispose();
            _sockets.Remove(destination.AddressFamily);
        }
        bool v4 = destination.AddressFamily == AddressFamily.InterNetwork;
        try
        {
            Socket socket = new(destination.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            _sockets.Add(destination.AddressFamily, socket);
            socket.SetRawSocketOption(v4 ? SOL_IP : SOL_IPV6, v4 ? IP_TRANSPARENT : IPV6_TRANSPARENT, BitConverter.GetBytes(1));
            socket.Bind(new IPEndPoint(destination, Ports.To));
            return true;
        }
        catch (SocketException)
        {
            if (_sockets.Remove(destination.AddressFamily, out Socket? failed)) failed.Dispose();
            return false;
        }
    }

    /// <summary>The number of the next probe that has come; null: there is none, also after a while.</summary>
    /// <param name="family">Of which family.</param>
    /// <param name="wait">How long to wait for one.</param>
    internal ulong? Take(AddressFamily family, TimeSpan wait)
    {
        Span<byte> payload = stackalloc byte[DeliveryFrame.PayloadLength + 1];
        if (!_sockets.TryGetValue(family, out Socket? socket) || !socket.Poll(wait, SelectMode.SelectRead)) return null;
        return socket.Receive(payload) == DeliveryFrame.PayloadLength ? MemoryMarshal.Read<ulong>(payload) : 0;
    }

    public void Dispose()
    {
        foreach (Socket socket in _sockets.Values) socket.Dispose();
    }

    private static ushort Draw() => (ushort)(RandomNumberGenerator.GetInt32(LeastPort, ushort.MaxValue + 1) & ~1);
}

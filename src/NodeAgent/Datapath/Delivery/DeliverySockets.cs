using System.Diagnostics;
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
    private const int MostDraws = 64;

    private readonly Dictionary<AddressFamily, Socket> _sockets = [];

    /// <summary>Draws the ports; the one that probes are for is nobody else's.</summary>
    /// <exception cref="IOException">Of many ports none was free, or the kernel refuses.</exception>
    internal DeliverySockets()
    {
        ushort from = Draw();
        for (int i = 0; i < MostDraws; i++)
        {
            Ports = new ProbePorts(from, Draw());
            if (IsFree(IPAddress.Any) && IsFree(IPAddress.IPv6Any)) return;
        }
        throw new IOException($"none of {MostDraws} ports of UDP that were drawn is free");
    }

    /// <summary>What the programs are to capture for them.</summary>
    internal ProbePorts Ports { get; }

    /// <summary>Has one listen at a destination, in the network namespace of this thread, in the place of the one before of its family.</summary>
    /// <returns>False when the kernel has no such family.</returns>
    /// <exception cref="IOException">Somebody else has come to have the port, or the kernel refuses for another reason.</exception>
    internal bool Listen(IPAddress destination)
    {
        if (_sockets.TryGetValue(destination.AddressFamily, out Socket? present))
        {
            if (present.LocalEndPoint is IPEndPoint at && at.Address.Equals(destination)) return true;
            present.Dispose();
            _sockets.Remove(destination.AddressFamily);
        }
        try
        {
            if (Open(destination) is not { } socket) return false;
            _sockets.Add(destination.AddressFamily, socket);
            return true;
        }
        catch (SocketException e)
        {
            throw new IOException($"no socket at port {Ports.To} of UDP for {destination}: {e.Message}", e);
        }
    }

    /// <summary>The number of the next probe that has come; null: there is none, also after a while.</summary>
    /// <param name="family">Of which family.</param>
    /// <param name="wait">How long to wait for one.</param>
    /// <exception cref="IOException">The kernel refuses.</exception>
    internal ulong? Take(AddressFamily family, TimeSpan wait)
    {
        Span<byte> payload = stackalloc byte[DeliveryFrame.PayloadLength + 1];
        try
        {
            if (!_sockets.TryGetValue(family, out Socket? socket) || !socket.Poll(wait, SelectMode.SelectRead)) return null;
            return socket.Receive(payload) == DeliveryFrame.PayloadLength ? MemoryMarshal.Read<ulong>(payload) : 0;
        }
        catch (SocketException e)
        {
            throw new IOException($"nothing can be received at port {Ports.To} of UDP: {e.Message}", e);
        }
    }

    /// <summary>Takes out what has come before: it is of no try that is to come, and takes the room of those that are.</summary>
    /// <param name="family">Of which family.</param>
    /// <param name="within">How long at most.</param>
    /// <returns>False when more comes than can be taken out in that time.</returns>
    /// <exception cref="IOException">The kernel refuses.</exception>
    internal bool TryClear(AddressFamily family, TimeSpan within)
    {
        long start = Stopwatch.GetTimestamp();
        while (Take(family, TimeSpan.Zero) is not null)
        {
            if (Stopwatch.GetElapsedTime(start) > within) return false;
        }
        return true;
    }

    public void Dispose()
    {
        foreach (Socket socket in _sockets.Values) socket.Dispose();
    }

    private bool IsFree(IPAddress address)
    {
        try
        {
            Open(address)?.Dispose();
            return true;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            return false;
        }
        catch (SocketException e)
        {
            throw new IOException($"no socket at port {Ports.To} of UDP: {e.Message}", e);
        }
    }

    // Null: there is no such family.
    private Socket? Open(IPAddress address)
    {
        Socket? socket = null;
        try
        {
            socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            bool v4 = address.AddressFamily == AddressFamily.InterNetwork;
            if (!v4) socket.DualMode = false;
            socket.SetRawSocketOption(v4 ? SOL_IP : SOL_IPV6, v4 ? IP_TRANSPARENT : IPV6_TRANSPARENT, BitConverter.GetBytes(1));
            socket.Bind(new IPEndPoint(address, Ports.To));
            return socket;
        }
        catch (SocketException e)
        {
            socket?.Dispose();
            if (e.SocketErrorCode is SocketError.AddressFamilyNotSupported or SocketError.AddressNotAvailable) return null;
            throw;
        }
    }

    private static ushort Draw() => (ushort)(RandomNumberGenerator.GetInt32(LeastPort, ushort.MaxValue + 1) & ~1);
}

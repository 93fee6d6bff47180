using Culvert.Core;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.ProxyProtocol;

/// <summary>What came of waiting for a load balancer's header.</summary>
/// <param name="Error">None, or why it is refused.</param>
/// <param name="HasAddresses">Whether it names a client; else the connection's own addresses count (LOCAL, UNSPEC, UNKNOWN).</param>
/// <param name="Source">The client.</param>
/// <param name="Destination">What the client connected to.</param>
internal readonly record struct ReceivedHeader(ProxyProtocolError Error, bool HasAddresses = false, SocketEndPoint Source = default, SocketEndPoint Destination = default)
{
    /// <summary>The connection was reset before its header was complete.</summary>
    internal static ReceivedHeader Reset => new(ProxyProtocolError.Incomplete) { IsReset = true };

    /// <summary>Whether the connection was reset before its header was complete, so that none is refused.</summary>
    internal bool IsReset { get; private init; }

    /// <summary>Evaluates the header at the start of a connection's bytes; null while it may still become one.</summary>
    /// <param name="data">All bytes that are there; not empty.</param>
    /// <param name="length">Bytes of the header, when it is accepted.</param>
    internal static ReceivedHeader? Read(ReadOnlySpan<byte> data, out int length)
    {
        ProxyProtocolError error = ProxyHeaderReader.Read(data, out ProxyHeader header);
        length = header.Length;
        return error == ProxyProtocolError.Incomplete ? null : Evaluate(error, header, TransportProtocol.Tcp);
    }

    /// <summary>Evaluates the header of a datagram, which has to be of version 2 and whole.</summary>
    /// <param name="datagram">The datagram.</param>
    /// <param name="length">Bytes of the header, when it is accepted.</param>
    internal static ReceivedHeader ReadDatagram(ReadOnlySpan<byte> datagram, out int length)
    {
        ProxyProtocolError error = ProxyHeaderReader.ReadVersion2(datagram, out ProxyHeader header);
        length = header.Length;
        return Evaluate(error, header, TransportProtocol.Udp);
    }

    private static ReceivedHeader Evaluate(ProxyProtocolError error, in ProxyHeader header, TransportProtocol transport)
    {
        if (error != ProxyProtocolError.None) return new ReceivedHeader(error);
        if (!header.HasAddresses) return new ReceivedHeader(ProxyProtocolError.None);
        if (header.Transport != transport) return new ReceivedHeader(ProxyProtocolError.Family);
        SocketEndPoint source = new(header.Source.High, header.Source.Low, header.Source.Port);

        // Nobody can be answered at such an address, and a pod's kernel would refuse it as a source.
        if (!IsPossibleClient(source)) return new ReceivedHeader(ProxyProtocolError.NoAddress);
        return new ReceivedHeader(
            ProxyProtocolError.None, HasAddresses: true, source, new SocketEndPoint(header.Destination.High, header.Destination.Low, header.Destination.Port));
    }

    private static bool IsPossibleClient(in SocketEndPoint source)
    {
        byte first = (byte)(source.Low >> 24);
        if (source.IsIPv4) return first is not (0 or 127 or >= 224);
        return !source.IsUnspecified && !(source.High == 0 && source.Low == 1) && source.High >> 56 != 0xFF;
    }
}

using Culvert.NodeAgent.Proxy.Udp;

namespace Culvert.NodeAgent.Proxy.ProxyProtocol;

/// <summary>
/// An application that wants a PROXY header in front of every datagram of a session: header and payload are one datagram, as
/// the protocol has it for UDP. Belongs to its loop's thread.
/// </summary>
internal sealed class HeaderedPeer : IDatagramPeer
{
    // What the length fields of IPv4 and of IPv6 leave for a UDP payload.
    private const int MaxPayload4 = 65_507;
    private const int MaxPayload6 = 65_527;

    private readonly ProxyContext _context;
    private readonly IDatagramPeer _peer;
    private readonly byte[] _header;
    private readonly int _maxPayload;

    private HeaderedPeer(ProxyContext context, IDatagramPeer peer, in ProxyConnectionInfo info)
    {
        (_context, _peer) = (context, peer);
        Span<byte> buffer = stackalloc byte[ApplicationHeader.MaxLength];
        _header = buffer[..ApplicationHeader.Write(buffer, info)].ToArray();
        _maxPayload = info.Target.IsIPv4 ? MaxPayload4 : MaxPayload6;
    }

    /// <summary>The peer, with headers if the application asked for them.</summary>
    /// <param name="context">What the loop shares.</param>
    /// <param name="peer">The application's socket; disposed with the result.</param>
    /// <param name="info">The session.</param>
    internal static IDatagramPeer Wrap(ProxyContext context, IDatagramPeer peer, in ProxyConnectionInfo info) =>
        ApplicationHeader.IsWanted(info) ? new HeaderedPeer(context, peer, info) : peer;

    /// <inheritdoc/>
    public bool Send(ReadOnlySpan<byte> payload)
    {
        int length = _header.Length + payload.Length;
        if (length > _maxPayload)
        {
            _context.Observer.OnDatagramDropped(DatagramDrop.NoRoomForHeader);
            return false;
        }

        // Not the loop's scratch buffer: what came out of a tunnel, and what follows it, lies there.
        Span<byte> datagram = _context.HeaderedDatagram.AsSpan(0, length);
        _header.CopyTo(datagram);
        payload.CopyTo(datagram[_header.Length..]);
        return _peer.Send(datagram);
    }

    /// <inheritdoc/>
    public void Flush() => _peer.Flush();

    /// <inheritdoc/>
    public void Dispose() => _peer.Dispose();
}

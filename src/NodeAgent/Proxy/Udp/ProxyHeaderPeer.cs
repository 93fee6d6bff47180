using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.ProxyProtocol;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>
/// An application that wants a PROXY header in front of every datagram of a session: header and payload are one datagram, as
/// the protocol has it for UDP. Belongs to its loop's thread.
/// </summary>
internal sealed class ProxyHeaderPeer : IDatagramPeer
{
    // What the length fields of IPv4 and of IPv6 leave for a UDP payload.
    private const int MaxPayload4 = 65_507;
    private const int MaxPayload6 = 65_527;

    private readonly IDatagramPeer _peer;
    private readonly byte[] _room;
    private readonly IProxyObserver _observer;
    private readonly byte[] _header;
    private readonly int _maxPayload;

    /// <summary>Puts headers in front of what is sent.</summary>
    /// <param name="peer">The application's socket; disposed with this object.</param>
    /// <param name="info">The session.</param>
    /// <param name="room">Where header and payload are put together: as long as a datagram can be, and not the loop's scratch buffer, where what came out of a tunnel lies.</param>
    /// <param name="observer">Hears of datagrams that become too long.</param>
    internal ProxyHeaderPeer(IDatagramPeer peer, in ProxyConnectionInfo info, byte[] room, IProxyObserver observer)
    {
        (_peer, _room, _observer) = (peer, room, observer);
        Span<byte> buffer = stackalloc byte[ApplicationHeader.MaxLength];
        _header = buffer[..ApplicationHeader.Write(buffer, info)].ToArray();
        _maxPayload = info.Target.IsIPv4 ? MaxPayload4 : MaxPayload6;
    }

    /// <inheritdoc/>
    public bool Send(ReadOnlySpan<byte> payload)
    {
        int length = _header.Length + payload.Length;
        if (length > _maxPayload)
        {
            _observer.OnDatagramDropped(DatagramDrop.NoRoomForHeader);
            return false;
        }

        Span<byte> datagram = _room.AsSpan(0, length);
        _header.CopyTo(datagram);
        payload.CopyTo(datagram[_header.Length..]);
        return _peer.Send(datagram);
    }

    /// <inheritdoc/>
    public void Flush() => _peer.Flush();

    /// <inheritdoc/>
    public void Dispose() => _peer.Dispose();

    /// <inheritdoc/>
    public void EndByPolicy(BudgetLease place) => _peer.EndByPolicy(place);
}

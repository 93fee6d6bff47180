using System.Buffers.Binary;
using Culvert.Core;
using Culvert.Interop.Abi;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>
/// Captured datagrams of one loop: behind a PROXY header that the kernel program has put in, or, on a plain socket, as they were.
/// Checks what came, and hands it to its session. Belongs to the loop's thread.
/// </summary>
internal sealed class UdpListener : EventSource, IDisposable
{
    // While the socket is full: enough to catch up, few enough for others to get their turn.
    private const int MaxRounds = 4;

    // A round may be thousands of datagrams of one byte, which come in GSO batches.
    private static readonly TimeSpan LongestTurn = TimeSpan.FromMilliseconds(1);

    private readonly ProxyContext _context;
    private readonly UdpSessions _sessions;
    private readonly SocketHandle _handle;
    private readonly SocketEndPoint _local;
    private readonly bool _headers;

    /// <summary>Takes datagrams from a bound socket.</summary>
    /// <param name="context">What the loop shares.</param>
    /// <param name="sessions">The loop's sessions.</param>
    /// <param name="listener">The socket; owned by the server.</param>
    /// <param name="headers">Whether datagrams come behind a header.</param>
    internal UdpListener(ProxyContext context, UdpSessions sessions, ProxyListener listener, bool headers) =>
        (_context, _sessions, _handle, _local, _headers) = (context, sessions, listener.Handle, listener.Local, headers);

    /// <summary>Starts; on the loop.</summary>
    internal SocketErrno Watch() => _context.Loop.Register(this, _handle, EpollEvents.Readable);

    /// <inheritdoc/>
    internal override void OnReady(EpollEvents events)
    {
        DatagramReceiver receiver = _context.Udp.Receiver;
        long began = _context.Time.GetTimestamp();
        for (int round = 0; round < MaxRounds; round++)
        {
            if (receiver.Receive(_handle) != SocketErrno.None) return;
            for (int i = 0; i < receiver.Count; i++)
            {
                if (!receiver.TryGetDestination(i, out SocketEndPoint destination) || (destination == _local && _context.Options.CheckCaptured)) Refuse(ProxyProtocolError.Untrusted);
                else if (_headers) TakeHeadered(receiver.Payload(i), receiver.Source(i), destination);
                else TakePlain(receiver.Datagrams(i), receiver.Source(i), destination);
            }

            _sessions.Flush();
            if (receiver.Count < DatagramReceiver.Capacity || _context.Time.GetElapsedTime(began) > LongestTurn) return;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _context.Loop.Unregister(this, _handle);

    private void TakeHeadered(ReadOnlySpan<byte> datagram, in SocketEndPoint source, in SocketEndPoint destination)
    {
        (bool external, UdpSessionKey key) = (false, default);
        ProxyProtocolError error = ProxyHeaderReader.ReadVersion2(datagram, out ProxyHeader header);
        if (error == ProxyProtocolError.None) error = Check(header, source, destination, out external, out key);
        if (error == ProxyProtocolError.None) _sessions.OnDatagram(key, external, datagram[header.Length..]);
        else Refuse(error);
    }

    private ProxyProtocolError Check(in ProxyHeader header, in SocketEndPoint source, in SocketEndPoint destination, out bool external, out UdpSessionKey key)
    {
        external = false;
        key = new UdpSessionKey(
            new SocketEndPoint(header.Source.High, header.Source.Low, header.Source.Port),
            new SocketEndPoint(header.Destination.High, header.Destination.Low, header.Destination.Port));
        if (!header.HasAddresses) return ProxyProtocolError.NoAddress;
        if (header.Transport != TransportProtocol.Udp) return ProxyProtocolError.Family;
        if (_context.Options.CheckCaptured && (key.Client != source || key.Destination != destination)) return ProxyProtocolError.AddressMismatch;
        if (!header.TryGetTlv(ProxyTlvType.KernelData, out ReadOnlySpan<byte> data) || data.Length < CvAbi.TlvEndpointLength || data[0] != CvAbi.TlvEndpointVersion)
            return ProxyProtocolError.KernelData;
        external = (BinaryPrimitives.ReadUInt32BigEndian(data[13..]) & (uint)CvSessionFlag.External) != 0;
        return ProxyProtocolError.None;
    }

    private void TakePlain(GsoBatch datagrams, in SocketEndPoint source, in SocketEndPoint destination)
    {
        UdpSessionKey key = new(source, destination);
        UdpSocketPeer? answered = _sessions.Contains(key) ? null : _context.Answers.Find(source, destination);
        bool external = answered is null && _context.Directory.FindLocalWorkload(source) is null;
        foreach (ReadOnlySpan<byte> payload in datagrams) TakePlain(key, answered, external, payload);
    }

    private void TakePlain(in UdpSessionKey key, UdpSocketPeer? answered, bool external, ReadOnlySpan<byte> payload)
    {
        if (answered is null) _sessions.OnDatagram(key, external, payload);
        else if (answered.Loop == _context.Loop.Index) answered.Deliver(payload, key.Client.Port);
        else _context.Observer.OnDatagramDropped(DatagramDrop.UnknownSession);
    }

    private void Refuse(ProxyProtocolError error)
    {
        _context.Observer.OnHeaderRefused(error);
        _context.Observer.OnDatagramDropped(DatagramDrop.BadHeader);
    }
}

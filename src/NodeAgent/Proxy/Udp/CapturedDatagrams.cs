using System.Buffers.Binary;
using Culvert.Core;
using Culvert.Interop.Abi;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>Captured datagrams of one loop: checks what came, and hands it to its session. Belongs to the loop's thread.</summary>
/// <param name="loop">The loop.</param>
/// <param name="checkCaptured">Whether what came is compared with what its header says.</param>
/// <param name="sessions">The loop's sessions.</param>
/// <param name="answers">Who stands for which client towards which destination, over all loops.</param>
/// <param name="directory">Addresses.</param>
/// <param name="observer">Hears of refused headers and dropped datagrams.</param>
internal sealed class CapturedDatagrams(
    EventLoop loop, bool checkCaptured, UdpSessions sessions, UdpReplyRegistry answers, IProxyDirectory directory, IProxyObserver observer)
{
    /// <summary>Whether the kernel's programs can have handed over what was sent there: what was sent to the socket itself was not captured.</summary>
    /// <param name="destination">Where a datagram was sent to.</param>
    /// <param name="socket">Where the socket is bound that it came to.</param>
    internal bool IsPossible(in SocketEndPoint destination, in SocketEndPoint socket) => destination != socket || !checkCaptured;

    /// <summary>Nothing more comes for now: sends what sessions have batched.</summary>
    internal void Flush() => sessions.Flush();

    /// <summary>A datagram with a header of the kernel's in front.</summary>
    /// <param name="datagram">Header and payload.</param>
    /// <param name="source">Where it comes from; the header has to say the same.</param>
    /// <param name="destination">Where it was sent to; the header has to say the same, or that the kernel has addressed it to a backend.</param>
    internal void TakeHeadered(ReadOnlySpan<byte> datagram, in SocketEndPoint source, in SocketEndPoint destination)
    {
        (uint flags, UdpSessionKey key) = (0, default);
        ProxyProtocolError error = ProxyHeaderReader.ReadVersion2(datagram, out ProxyHeader header);
        if (error == ProxyProtocolError.None) error = Check(header, source, destination, out flags, out key);
        if (error == ProxyProtocolError.None) sessions.OnDatagram(key, Has(flags, CvSessionFlag.External), Has(flags, CvSessionFlag.Drawn) ? destination : null, datagram[header.Length..]);
        else Refuse(error);
    }

    private ProxyProtocolError Check(in ProxyHeader header, in SocketEndPoint source, in SocketEndPoint destination, out uint flags, out UdpSessionKey key)
    {
        flags = 0;
        key = new UdpSessionKey(
            new SocketEndPoint(header.Source.High, header.Source.Low, header.Source.Port),
            new SocketEndPoint(header.Destination.High, header.Destination.Low, header.Destination.Port));
        if (!header.HasAddresses) return ProxyProtocolError.NoAddress;
        if (header.Transport != TransportProtocol.Udp) return ProxyProtocolError.Family;
        if (!header.TryGetTlv(ProxyTlvType.KernelData, out ReadOnlySpan<byte> data) || data.Length < CvAbi.TlvEndpointLength || data[0] != CvAbi.TlvEndpointVersion)
            return ProxyProtocolError.KernelData;
        flags = BinaryPrimitives.ReadUInt32BigEndian(data[13..]);

        // What was addressed to a backend says by that which; whether it is one of the Service's is asked when the session begins.
        bool isAsSent = key.Client == source && (key.Destination == destination || Has(flags, CvSessionFlag.Drawn));
        return checkCaptured && !isAsSent ? ProxyProtocolError.AddressMismatch : ProxyProtocolError.None;
    }

    private static bool Has(uint flags, CvSessionFlag flag) => (flags & (uint)flag) != 0;

    /// <summary>Datagrams as they were: of a client, or answers of an application from another port than it was asked at.</summary>
    /// <param name="datagrams">The datagrams.</param>
    /// <param name="source">Where they come from.</param>
    /// <param name="destination">Where they were sent to.</param>
    /// <param name="space">Where they arrived.</param>
    internal void TakePlain(GsoBatch datagrams, in SocketEndPoint source, in SocketEndPoint destination, PodSpace? space)
    {
        UdpSessionKey key = new(source, destination, space);
        bool isKnown = sessions.Contains(key);
        IReplyHolder? answered = isKnown ? null : answers.Find(space, source, destination);
        if (!isKnown && answered is null && space is null && sessions.FindService(source, destination) is { } service)
        {
            foreach (ReadOnlySpan<byte> payload in datagrams) sessions.OnDatagram(key with { Destination = service }, external: false, destination, payload);
            return;
        }

        bool external = answered is null && directory.FindLocalWorkload(source) is null;
        foreach (ReadOnlySpan<byte> payload in datagrams) TakePlain(key, answered, external, payload);
    }

    private void TakePlain(in UdpSessionKey key, IReplyHolder? answered, bool external, ReadOnlySpan<byte> payload)
    {
        if (answered is null) sessions.OnPlainDatagram(key, external, payload);
        else if (answered is UdpSocketPeer socket && ReferenceEquals(socket.Loop, loop)) socket.Deliver(payload, key.Client.Port);
        else observer.OnDatagramDropped(answered is EndedUdpSession ? DatagramDrop.LateAnswer : DatagramDrop.UnknownSession);
    }

    /// <summary>Counts a datagram that is not as the kernel's programs hand them over.</summary>
    internal void Refuse(ProxyProtocolError error)
    {
        observer.OnHeaderRefused(error);
        observer.OnDatagramDropped(DatagramDrop.BadHeader);
    }
}

using System.Buffers.Binary;
using System.Net;
using Culvert.Interop.Native;
using Tmds.Linux;

namespace Culvert.Interop.Sockets;

/// <summary>
/// Sends UDP datagrams from any address and port, and takes no port for it: a port that a socket is bound to would be kept from others, and one that another has already can't be bound. By raw sockets
/// (raw(7)), so that the kernel routes, filters and fragments as it does for any. Needs CAP_NET_RAW and CAP_NET_ADMIN. Not thread-safe.
/// </summary>
public sealed unsafe class UnboundDatagramSender : IDisposable
{
    /// <summary>Most bytes of a datagram's payload (RFC 768).</summary>
    public const int MaxPayload = ushort.MaxValue - HeaderSize;

    private const int HeaderSize = 8;
    private const int ControlSize = 64;

    // Of all who send by it: a burst for one must not leave the others none. Nothing that comes is read.
    private const int SendBuffer = 4 << 20;
    private const int Unread = 1;

    // Every raw socket gets what arrives of its protocol, unless it is bound to an address that nothing arrives for: IPv4's and IPv6's for that purpose (RFC 7600, RFC 6666).
    private static readonly SocketEndPoint Nowhere4 = new(IPAddress.Parse("192.0.0.8"), 0);
    private static readonly SocketEndPoint Nowhere6 = new(IPAddress.Parse("100::1"), 0);

    private readonly RawSocket _raw4;
    private readonly RawSocket? _raw6;

    private UnboundDatagramSender(RawSocket raw4, RawSocket? raw6) => (_raw4, _raw6) = (raw4, raw6);

    /// <summary>Makes the sockets in the network namespace of this thread; that for IPv6 only where there is IPv6.</summary>
    /// <param name="mark">Mark of every packet.</param>
    /// <param name="error">Why null was returned: NotPermitted without a capability.</param>
    public static UnboundDatagramSender? TryCreate(SocketMark mark, out SocketErrno error)
    {
        ArgumentNullException.ThrowIfNull(mark);
        RawSocket? raw4 = TryOpen(mark, Nowhere4, out error);
        if (raw4 is null) return null;
        RawSocket? raw6 = TryOpen(mark, Nowhere6, out SocketErrno error6);
        if (raw6 is not null || error6 == SocketErrno.AddressFamilyNotSupported) return new UnboundDatagramSender(raw4, raw6);
        error = error6;
        raw4.Dispose();
        return null;
    }

    private static RawSocket? TryOpen(SocketMark mark, in SocketEndPoint nowhere, out SocketErrno error)
    {
        SocketHandle? handle = SocketHandle.TryCreateRaw(!nowhere.IsIPv4, out error, LibC.IPPROTO_UDP);
        if (handle is null) return null;
        error = handle.SetTransparent();
        if (error == SocketErrno.None) error = handle.Bind(nowhere);

        // Where the kernel binds raw sockets to addresses of its own only, this one gets what arrives, and nobody reads it: its buffer is as small as can be.
        if (error == SocketErrno.AddressNotAvailable) error = SocketErrno.None;
        if (error == SocketErrno.None) error = mark.Apply(handle);
        if (error == SocketErrno.None) error = handle.ForceBuffers(Unread, SendBuffer);
        if (error == SocketErrno.None) return new RawSocket(handle, mark);
        handle.Dispose();
        return null;
    }

    /// <summary>Sends a datagram.</summary>
    /// <param name="from">Where it is to come from.</param>
    /// <param name="to">Where to; of the same family.</param>
    /// <param name="service">The Service that a pod hears it from, in the place of <paramref name="from"/>, which the programs translate; null: from that itself.</param>
    /// <param name="payload">Up to <see cref="MaxPayload"/> bytes.</param>
    /// <returns>None, or why the kernel did not take it.</returns>
    public SocketErrno Send(in SocketEndPoint from, in SocketEndPoint to, in SocketEndPoint? service, ReadOnlySpan<byte> payload)
    {
        RawSocket? raw = from.IsIPv4 ? _raw4 : _raw6;
        if (raw is null || from.IsIPv4 != to.IsIPv4 || payload.Length > MaxPayload) return SocketErrno.InvalidArgument;
        SocketErrno error = raw.SpeakFor(service);
        if (error != SocketErrno.None) return error;
        byte* header = stackalloc byte[HeaderSize];
        WriteHeader(new Span<byte>(header, HeaderSize), from, to, payload);
        byte* name = stackalloc byte[SocketAddressCodec.MaxSize];
        byte* control = stackalloc byte[ControlSize];
        Libc.iovec* parts = stackalloc Libc.iovec[2];
        fixed (byte* start = payload)
        {
            parts[0] = new Libc.iovec { iov_base = header, iov_len = HeaderSize };
            parts[1] = new Libc.iovec { iov_base = start, iov_len = (nuint)payload.Length };
            Libc.mmsghdr message = new()
            {
                msg_name = name,
                msg_namelen = (uint)SocketAddressCodec.Write(to.WithPort(0), !to.IsIPv4, new Span<byte>(name, SocketAddressCodec.MaxSize)), // of a raw socket the port is a protocol
                msg_iov = parts,
                msg_iovlen = 2,
                msg_control = control,
                msg_controllen = WriteSource(control, from),
            };
            return raw.Handle.Send(ref message);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _raw4.Dispose();
        _raw6?.Dispose();
    }

    // struct in_pktinfo has the source in its second field, struct in6_pktinfo in its first; all else is the kernel's choice.
    private static nuint WriteSource(byte* control, in SocketEndPoint from)
    {
        new Span<byte>(control, ControlSize).Clear();
        Libc.cmsghdr* head = (Libc.cmsghdr*)control;
        int length = from.IsIPv4 ? 12 : 20;
        head->cmsg_len = (nuint)(sizeof(Libc.cmsghdr) + length);
        (head->cmsg_level, head->cmsg_type) = from.IsIPv4 ? (LibC.IPPROTO_IP, LibC.IP_PKTINFO) : (LibC.IPPROTO_IPV6, LibC.IPV6_PKTINFO);
        Span<byte> data = new(head + 1, length);
        if (from.IsIPv4) BinaryPrimitives.WriteUInt32BigEndian(data[4..], (uint)from.Low);
        else from.WriteAddress(data);
        return (nuint)(sizeof(Libc.cmsghdr) + ((length + 7) & ~7));
    }

    private static void WriteHeader(Span<byte> header, in SocketEndPoint from, in SocketEndPoint to, ReadOnlySpan<byte> payload)
    {
        ushort length = (ushort)(HeaderSize + payload.Length);
        BinaryPrimitives.WriteUInt16BigEndian(header, from.Port);
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], to.Port);
        BinaryPrimitives.WriteUInt16BigEndian(header[4..], length);
        header[6..].Clear();

        // With the pseudo header: both addresses, the length and the protocol.
        ulong sum = Sum(from) + Sum(to) + length + (ulong)LibC.IPPROTO_UDP + InternetChecksum.Sum(header) + InternetChecksum.Sum(payload);
        ushort checksum = InternetChecksum.Fold(sum);
        BinaryPrimitives.WriteUInt16BigEndian(header[6..], checksum == 0 ? ushort.MaxValue : checksum); // 0 says that there is none
    }

    private static ulong Sum(in SocketEndPoint address)
    {
        Span<byte> bytes = stackalloc byte[16];
        int length = address.IsIPv4 ? 4 : 16;
        if (address.IsIPv4) BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)address.Low);
        else address.WriteAddress(bytes);
        return InternetChecksum.Sum(bytes[..length]);
    }
}

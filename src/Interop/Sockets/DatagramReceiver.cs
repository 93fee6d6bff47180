using System.Runtime.InteropServices;
using Culvert.Interop.Native;
using Tmds.Linux;

namespace Culvert.Interop.Sockets;

/// <summary>
/// Room for what one call receives: up to 64 datagrams of any size, with their senders and destinations. Belongs to one thread;
/// sockets of that thread share it.
/// </summary>
public sealed unsafe class DatagramReceiver
{
    /// <summary>Datagrams (or GSO batches of them) per call.</summary>
    public const int Capacity = 64;

    // Slots a multiple of 64 KiB apart would all fall into the same few lines of the processor's caches.
    private const int SlotSize = 65_536 + 2_112;
    private const int NameSize = 32;
    private const int ControlSize = 96;

    private readonly Libc.mmsghdr[] _messages = GC.AllocateArray<Libc.mmsghdr>(Capacity, pinned: true);
    private readonly Libc.iovec[] _vectors = GC.AllocateArray<Libc.iovec>(Capacity, pinned: true);
    private readonly byte[] _names = GC.AllocateArray<byte>(Capacity * NameSize, pinned: true);
    private readonly byte[] _controls = GC.AllocateArray<byte>(Capacity * ControlSize, pinned: true);
    private readonly byte[] _slots = GC.AllocateUninitializedArray<byte>(Capacity * SlotSize, pinned: true);
    private readonly Libc.mmsghdr* _first;

    /// <summary>Makes room for one thread: 4.3 MB of address space, of which what is used gets memory.</summary>
    public DatagramReceiver()
    {
        _first = Pointer(_messages);
        for (int i = 0; i < Capacity; i++)
        {
            _vectors[i].iov_base = Pointer(_slots) + (i * SlotSize);
            _vectors[i].iov_len = SlotSize;
            _messages[i].msg_iov = Pointer(_vectors) + i;
            _messages[i].msg_iovlen = 1;
            _messages[i].msg_name = Pointer(_names) + (i * NameSize);
            _messages[i].msg_control = Pointer(_controls) + (i * ControlSize);
        }
    }

    /// <summary>Datagrams (or GSO batches) of the last call.</summary>
    public int Count { get; private set; }

    /// <summary>Receives what is there; what the last call received is gone.</summary>
    /// <param name="socket">A UDP socket.</param>
    /// <returns>None with <see cref="Count"/> datagrams; WouldBlock, or the socket's pending error, with none.</returns>
    public SocketErrno Receive(SocketHandle socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        Count = 0;
        for (int i = 0; i < Capacity; i++)
        {
            _first[i].msg_namelen = NameSize;
            _first[i].msg_controllen = ControlSize;
        }

        int received;
        SocketErrno error = SocketErrno.None;
        do
        {
            received = Libc.recvmmsg(socket.Descriptor, _first, Capacity, 0, null);
            if (received < 0) error = (SocketErrno)Marshal.GetLastPInvokeError();
        }
        while (received < 0 && error == SocketErrno.Interrupted);
        if (received < 0) return error;
        Count = received;
        return SocketErrno.None;
    }

    /// <summary>The datagrams of a place: one, or a GSO batch on a socket with <see cref="SocketHandle.SetReceiveOffload"/>; valid until the next call.</summary>
    /// <param name="index">Less than <see cref="Count"/>.</param>
    public GsoBatch Datagrams(int index) => new(Payload(index), SegmentSize(index));

    /// <summary>The bytes of a datagram, on a socket that takes no GSO batches; valid until the next call.</summary>
    /// <param name="index">Less than <see cref="Count"/>.</param>
    public ReadOnlySpan<byte> Payload(int index) => new(_vectors[index].iov_base, (int)Math.Min(_messages[index].msg_len, SlotSize));

    /// <summary>Who sent it.</summary>
    /// <param name="index">Less than <see cref="Count"/>.</param>
    public SocketEndPoint Source(int index)
    {
        SocketAddressCodec.TryRead(new ReadOnlySpan<byte>(_messages[index].msg_name, (int)Math.Min(_messages[index].msg_namelen, NameSize)), out SocketEndPoint source);
        return source;
    }

    /// <summary>Where it was sent to, on a socket with <see cref="SocketHandle.SetReceiveOriginalDestination"/>.</summary>
    /// <param name="index">Less than <see cref="Count"/>.</param>
    /// <param name="destination">The destination, when true is returned.</param>
    public bool TryGetDestination(int index, out SocketEndPoint destination)
    {
        destination = default;
        return Find(index, LibC.IPPROTO_IP, LibC.IP_RECVORIGDSTADDR, LibC.IPPROTO_IPV6, LibC.IPV6_RECVORIGDSTADDR, out ReadOnlySpan<byte> data)
            && SocketAddressCodec.TryRead(data, out destination);
    }

    private int SegmentSize(int index) =>
        Find(index, LibC.IPPROTO_UDP, Libc.UDP_GRO, LibC.IPPROTO_UDP, Libc.UDP_GRO, out ReadOnlySpan<byte> data) && data.Length >= sizeof(int) ? BitConverter.ToInt32(data) : 0;

    private bool Find(int index, int level1, int type1, int level2, int type2, out ReadOnlySpan<byte> data)
    {
        nuint left = Math.Min(_first[index].msg_controllen, ControlSize);
        byte* at = _first[index].msg_control;
        while (left >= (nuint)sizeof(Libc.cmsghdr))
        {
            Libc.cmsghdr* header = (Libc.cmsghdr*)at;
            if (header->cmsg_len < (nuint)sizeof(Libc.cmsghdr) || header->cmsg_len > left) break;
            if ((header->cmsg_level == level1 && header->cmsg_type == type1) || (header->cmsg_level == level2 && header->cmsg_type == type2))
            {
                data = new ReadOnlySpan<byte>(at + sizeof(Libc.cmsghdr), (int)header->cmsg_len - sizeof(Libc.cmsghdr));
                return true;
            }

            nuint aligned = (header->cmsg_len + (nuint)sizeof(nint) - 1) & ~((nuint)sizeof(nint) - 1);
            if (aligned >= left) break;
            at += aligned;
            left -= aligned;
        }

        data = default;
        return false;
    }

    private static T* Pointer<T>(T[] pinned)
        where T : unmanaged => (T*)Marshal.UnsafeAddrOfPinnedArrayElement(pinned, 0);
}

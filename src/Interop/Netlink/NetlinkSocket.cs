using System.Runtime.InteropServices;
using Culvert.Interop.Handles;
using Culvert.Interop.Native;
using Tmds.Linux;

namespace Culvert.Interop.Netlink;

/// <summary>Takes one message of an answer.</summary>
/// <param name="type">RTM_*.</param>
/// <param name="body">What follows the message header.</param>
internal delegate void NetlinkMessageHandler(ushort type, ReadOnlySpan<byte> body);

/// <summary>
/// A netlink socket, of rtnetlink(7) unless said otherwise. It belongs to the network namespace of the thread that made it, whichever thread uses it later.
/// One request at a time. Nobody is believed but the kernel: in a pod's namespace a program of the pod may send messages, too.
/// </summary>
internal sealed unsafe class NetlinkSocket : IDisposable
{
    /// <summary>The kernel sends at most 32 KiB at once.</summary>
    private const int BufferBytes = 1 << 16;

    /// <summary>A dump beyond this is not believed.</summary>
    private const long MostDumpBytes = 256L << 20;

    private const int MostInterruptedDumps = 16;
    private const int HeaderBytes = 16;

    private readonly byte[] _buffer = new byte[BufferBytes];
    private readonly Lock _lock = new();
    private uint _sequence;

    internal NetlinkSocket(uint groups, int protocol = Libc.NETLINK_ROUTE)
    {
        int fd = LibC.socket(Libc.AF_NETLINK, LibC.SOCK_RAW | LibC.SOCK_CLOEXEC, protocol);
        if (fd < 0) throw new NetlinkException("open a netlink socket", Marshal.GetLastPInvokeError());
        Handle = new FileDescriptorHandle(fd);
        int one = 1;
        Libc.sockaddr_nl address = new() { nl_family = Libc.AF_NETLINK, nl_groups = groups }, kernel = new() { nl_family = Libc.AF_NETLINK };
        if (LibC.setsockopt(fd, LibC.SOL_NETLINK, Libc.NETLINK_EXT_ACK, &one, sizeof(int)) == 0
            && LibC.setsockopt(fd, LibC.SOL_NETLINK, Libc.NETLINK_CAP_ACK, &one, sizeof(int)) == 0
            && LibC.bind(fd, (sockaddr*)&address, (uint)sizeof(Libc.sockaddr_nl)) == 0

            // Then others can't send to it, nor fill its queue, but by groups.
            && LibC.connect(fd, (sockaddr*)&kernel, (uint)sizeof(Libc.sockaddr_nl)) == 0) return;
        int errno = Marshal.GetLastPInvokeError();
        Handle.Dispose();
        throw new NetlinkException("prepare a netlink socket", errno);
    }

    internal FileDescriptorHandle Handle { get; }

    /// <summary>Sends a request and waits for its acknowledgement; messages that come first go to the handler.</summary>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    internal void Execute(NetlinkRequest request, string operation, NetlinkMessageHandler? handler = null)
    {
        int errno = TryExecute(request, operation, out string? detail, handler);
        if (errno != 0) throw new NetlinkException(operation, errno, detail);
    }

    /// <summary>As <see cref="Execute"/>, but answers the kernel's error number, zero when it agreed.</summary>
    internal int TryExecute(NetlinkRequest request, string operation, out string? detail, NetlinkMessageHandler? handler = null)
    {
        lock (_lock)
        {
            Send(request, operation);
            return Collect(operation, handler ?? (static (_, _) => { }), out detail, out _);
        }
    }

    /// <summary>Asks for all objects of a kind. Objects that changed meanwhile make it start over.</summary>
    /// <exception cref="NetlinkException">The kernel refused, or things changed faster than they could be listed (EAGAIN).</exception>
    internal List<T> Dump<T>(NetlinkRequest request, string operation, Func<ushort, ReadOnlyMemory<byte>, T?> parse)
        where T : class
    {
        lock (_lock)
        {
            for (int attempt = 0; attempt < MostInterruptedDumps; attempt++)
            {
                List<T> found = [];
                Send(request, operation);
                int errno = Collect(operation, Handle, out string? detail, out bool interrupted);
                if (errno != 0) throw new NetlinkException(operation, errno, detail);
                if (!interrupted) return found;

                void Handle(ushort type, ReadOnlySpan<byte> body)
                {
                    if (parse(type, body.ToArray()) is { } item) found.Add(item);
                }
            }
            throw new NetlinkException(operation, Errno.EAGAIN, "the objects kept changing while they were listed");
        }
    }

    /// <summary>Reads one datagram of notifications without waiting.</summary>
    /// <returns>Zero, or EAGAIN when there is none, or ENOBUFS when some were lost.</returns>
    internal int TryReceive(NetlinkMessageHandler handler)
    {
        lock (_lock)
        {
            int length = Receive(LibC.MSG_DONTWAIT);
            if (length < 0) return -length;
            for (ReadOnlySpan<byte> rest = _buffer.AsSpan(0, length); rest.Length >= HeaderBytes;)
            {
                Libc.nlmsghdr header = Header(rest, "read netlink notifications");
                handler(header.nlmsg_type, rest[HeaderBytes..(int)header.nlmsg_len]);
                rest = Skip(rest, header);
            }
            return 0;
        }
    }

    public void Dispose() => Handle.Dispose();

    private void Send(NetlinkRequest request, string operation)
    {
        ReadOnlySpan<byte> message = request.Finish(++_sequence);
        using DescriptorLease lease = new(Handle);
        fixed (byte* p = message)
        {
            while (LibC.send(lease.Descriptor, p, message.Length, 0) < 0)
            {
                int errno = Marshal.GetLastPInvokeError();
                if (errno != Errno.EINTR) throw new NetlinkException(operation, errno);
            }
        }
    }

    /// <summary>Reads messages up to the acknowledgement of the request sent last.</summary>
    private int Collect(string operation, NetlinkMessageHandler handler, out string? detail, out bool interrupted)
    {
        detail = null;
        interrupted = false;
        long total = 0;
        while (true)
        {
            int length = Receive(0);
            if (length < 0) throw new NetlinkException(operation, -length, "while reading the answer");
            total += length;
            if (total > MostDumpBytes) throw new NetlinkException(operation, Errno.E2BIG, $"the answer exceeds {MostDumpBytes} bytes");
            for (ReadOnlySpan<byte> rest = _buffer.AsSpan(0, length); rest.Length >= HeaderBytes;)
            {
                Libc.nlmsghdr header = Header(rest, operation);
                ReadOnlySpan<byte> body = rest[HeaderBytes..(int)header.nlmsg_len];
                rest = Skip(rest, header);
                // An answer to an earlier request that was given up.
                if (header.nlmsg_seq != _sequence) continue;
                interrupted |= (header.nlmsg_flags & Rt.NLM_F_DUMP_INTR) != 0;
                switch (header.nlmsg_type)
                {
                    case Rt.NLMSG_ERROR:
                    case Rt.NLMSG_DONE:
                        detail = ExtendedAcknowledgement(header, body);
                        return body.Length >= sizeof(int) ? -MemoryMarshal.Read<int>(body) : 0;
                    case Rt.NLMSG_OVERRUN:
                        throw new NetlinkException(operation, Errno.ENOBUFS);
                    default:
                        handler(header.nlmsg_type, body);
                        break;
                }
            }
        }
    }

    private static string? ExtendedAcknowledgement(Libc.nlmsghdr header, ReadOnlySpan<byte> body)
    {
        if ((header.nlmsg_flags & Rt.NLM_F_ACK_TLVS) == 0) return null;
        // An error echoes the request's header (and its body unless capped); the end of a dump has only the number.
        int skip = sizeof(int);
        if (header.nlmsg_type == Rt.NLMSG_ERROR)
        {
            uint echoed = (header.nlmsg_flags & Rt.NLM_F_CAPPED) != 0 ? HeaderBytes : MemoryMarshal.Read<Libc.nlmsghdr>(body[sizeof(int)..]).nlmsg_len;
            skip += (int)((echoed + 3) & ~3u);
        }
        NetlinkAttributes attributes = new(body[Math.Min(skip, body.Length)..]);
        while (attributes.Next())
        {
            if (attributes.Type == Rt.NLMSGERR_ATTR_MSG) return attributes.Text;
        }
        return null;
    }

    /// <returns>The length, or a negative errno.</returns>
    private int Receive(int flags)
    {
        using DescriptorLease lease = new(Handle);
        Libc.sockaddr_nl sender;
        fixed (byte* p = _buffer)
        {
            while (true)
            {
                socklen_t senderLength = sizeof(Libc.sockaddr_nl);
                long length = LibC.recvfrom(lease.Descriptor, p, BufferBytes, flags | LibC.MSG_TRUNC, (sockaddr*)&sender, &senderLength);
                if (length >= 0 && sender.nl_pid != 0) continue;
                if (length > BufferBytes) return -Errno.ENOBUFS;
                if (length >= 0) return (int)length;
                int errno = Marshal.GetLastPInvokeError();
                if (errno != Errno.EINTR) return -errno;
            }
        }
    }

    private static Libc.nlmsghdr Header(ReadOnlySpan<byte> rest, string operation)
    {
        Libc.nlmsghdr header = MemoryMarshal.Read<Libc.nlmsghdr>(rest);
        return header.nlmsg_len >= HeaderBytes && header.nlmsg_len <= rest.Length
            ? header
            : throw new NetlinkException(operation, Errno.EINVAL, $"a message of {header.nlmsg_len} bytes in {rest.Length}");
    }

    private static ReadOnlySpan<byte> Skip(ReadOnlySpan<byte> rest, Libc.nlmsghdr header)
        => rest[(int)Math.Min((uint)rest.Length, (header.nlmsg_len + 3) & ~3u)..];
}

using System.Diagnostics;
using System.Runtime.InteropServices;
using Culvert.Interop.Handles;
using Culvert.Interop.Native;
using Culvert.Interop.Netlink;

namespace Culvert.Interop.Bpf;

/// <summary>
/// An attachment of a program. It lasts while a descriptor or a pin refers to it: disposing an unpinned link detaches.
/// Safe to use from several threads.
/// </summary>
public sealed unsafe class BpfLink : IDisposable
{
    // In front of all (include/uapi/linux/bpf.h, where no other program is named).
    private const uint BPF_F_BEFORE = 1 << 3;

    private static readonly TimeSpan LongestMaking = TimeSpan.FromSeconds(1);

    /// <summary>Takes a link's descriptor over.</summary>
    /// <param name="handle">The descriptor, disposed with this object.</param>
    public BpfLink(FileDescriptorHandle handle) => Handle = handle;

    /// <summary>The descriptor.</summary>
    public FileDescriptorHandle Handle { get; }

    /// <summary>What the kernel says now.</summary>
    /// <exception cref="BpfException">The kernel refused.</exception>
    public BpfLinkInfo Info
    {
        get
        {
            BpfInfo.Link raw = BpfInfo.Get<BpfInfo.Link>(Handle, "a BPF link");
            bool device = raw.type is BpfLinkInfo.TcxType or BpfLinkInfo.XdpType;
            TcDirection? direction = raw.type == BpfLinkInfo.TcxType
                ? raw.attach_type == BpfSyscall.BPF_TCX_INGRESS ? TcDirection.Ingress : TcDirection.Egress
                : null;
            return new BpfLinkInfo(raw.id, raw.prog_id, raw.type, device ? (int)raw.target : 0, direction, raw.type == BpfLinkInfo.NetworkNamespaceType ? raw.target : 0);
        }
    }

    /// <summary>Attaches a TC program by a TCX link (kernel 6.6 and later), in front of those already there.</summary>
    /// <param name="program">A program of section "tc" or "tcx".</param>
    /// <param name="interfaceIndex">The interface, in the calling thread's network namespace.</param>
    /// <param name="direction">Which packets.</param>
    /// <returns>The link.</returns>
    /// <exception cref="BpfException">ENODEV without that interface, EINVAL on older kernels.</exception>
    public static BpfLink AttachTcx(BpfProgram program, int interfaceIndex, TcDirection direction)
        => Attach(program, interfaceIndex, TcxAttachType(direction), BPF_F_BEFORE, $"to interface {interfaceIndex} by TCX ({direction})");

    /// <summary>Attaches an XDP program by a link.</summary>
    /// <param name="program">A program of section "xdp".</param>
    /// <param name="interfaceIndex">The interface, in the calling thread's network namespace.</param>
    /// <param name="mode">Where it runs.</param>
    /// <returns>The link.</returns>
    /// <exception cref="BpfException">EBUSY when another XDP program is there.</exception>
    public static BpfLink AttachXdp(BpfProgram program, int interfaceIndex, XdpMode mode = XdpMode.Automatic)
        => Attach(program, interfaceIndex, (uint)bpf_attach_type.BPF_XDP, (uint)mode, $"to interface {interfaceIndex} by XDP ({mode})");

    /// <summary>Attaches a program of section "sk_lookup" to the calling thread's network namespace, behind those already there.</summary>
    /// <param name="program">The program.</param>
    /// <returns>The link.</returns>
    /// <exception cref="BpfException">The kernel refused: it is older than 5.9, or CAP_NET_ADMIN is missing.</exception>
    public static BpfLink AttachSocketLookup(BpfProgram program)
    {
        using NetworkNamespace here = NetworkNamespace.Current();
        using DescriptorLease lease = new(here.Handle);
        return Attach(program, lease.Descriptor, (uint)bpf_attach_type.BPF_SK_LOOKUP, 0, "to the socket lookup of this network namespace");
    }

    /// <summary>Opens a pinned link.</summary>
    /// <param name="path">Where it is pinned.</param>
    /// <returns>The link.</returns>
    /// <exception cref="BpfException">ENOENT when nothing is pinned there; EINVAL when it is no link.</exception>
    public static BpfLink OpenPinned(string path) => new(BpfPin.Open(path, BpfPin.Link));

    /// <summary>Opens a link by the id that bpftool shows.</summary>
    /// <param name="id">The id.</param>
    /// <returns>The link.</returns>
    /// <exception cref="BpfException">ENOENT when there is none.</exception>
    public static BpfLink FromId(uint id)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            int fd = Libbpf.bpf_link_get_fd_by_id(id);
            if (fd >= 0) return new BpfLink(new FileDescriptorHandle(fd));
            int errno = Marshal.GetLastPInvokeError();
            // One that somebody is just making has its id already, and for some microseconds nothing behind it (bpf_link_by_id).
            if (errno != Errno.EAGAIN || Stopwatch.GetElapsedTime(start) > LongestMaking) throw new BpfException($"open BPF link with id {id}", errno);
            Thread.Yield();
        }
    }

    /// <summary>What the kernel says of all links on the machine, of everybody, one after the other; those that are gone before they are asked for are left out.</summary>
    /// <returns>In ascending order of their ids.</returns>
    /// <exception cref="BpfException">EPERM without CAP_SYS_ADMIN.</exception>
    public static IEnumerable<BpfLinkInfo> ListInfos()
    {
        foreach (uint id in ListIds())
        {
            if (FindInfo(id) is { } info) yield return info;
        }
    }

    /// <summary>The ids of all links on the machine, of everybody; one may be gone before it is opened.</summary>
    /// <returns>In ascending order.</returns>
    /// <exception cref="BpfException">EPERM without CAP_SYS_ADMIN.</exception>
    public static IReadOnlyList<uint> ListIds()
    {
        List<uint> ids = [];
        uint id = 0;
        while (Libbpf.bpf_link_get_next_id(id, &id) == 0) ids.Add(id);
        int errno = Marshal.GetLastPInvokeError();
        return errno == Errno.ENOENT ? ids : throw new BpfException("list BPF links", errno);
    }

    /// <summary>The TCX programs of an interface in the order in which they run.</summary>
    /// <param name="interfaceIndex">The interface, in the calling thread's network namespace.</param>
    /// <param name="direction">Which packets.</param>
    /// <returns>Program and link ids; a link id of zero is an attachment without a link.</returns>
    /// <exception cref="BpfException">ENODEV without that interface, EINVAL on older kernels.</exception>
    public static IReadOnlyList<TcxAttachment> QueryTcx(int interfaceIndex, TcDirection direction)
    {
        const int Most = 64; // the kernel's own limit of programs per hook
        uint* programs = stackalloc uint[Most];
        uint* links = stackalloc uint[Most];
        BpfSyscall.ProgQuery query = new()
        {
            target = interfaceIndex,
            attach_type = TcxAttachType(direction),
            prog_ids = (ulong)programs,
            link_ids = (ulong)links,
            prog_cnt = Most,
        };
        int result = BpfSyscall.Call(bpf_cmd.BPF_PROG_QUERY, ref query);
        if (result < 0) throw new BpfException($"list the TCX programs of interface {interfaceIndex} ({direction})", -result);
        TcxAttachment[] found = new TcxAttachment[query.prog_cnt];
        for (int i = 0; i < found.Length; i++) found[i] = new TcxAttachment(programs[i], links[i]);
        return found;
    }

    /// <summary>Swaps the program without a gap in which no program runs.</summary>
    /// <param name="program">The new program, of the same kind.</param>
    /// <exception cref="BpfException">ENOLINK when the link is detached.</exception>
    public void Update(BpfProgram program)
    {
        ArgumentNullException.ThrowIfNull(program);
        using DescriptorLease link = new(Handle);
        using DescriptorLease next = new(program.Handle);
        if (Libbpf.bpf_link_update(link.Descriptor, next.Descriptor, null) < 0)
            throw new BpfException($"update a BPF link to program '{program.Name}' (id {program.Id})", Marshal.GetLastPInvokeError());
    }

    /// <summary>Pins the link, so that the program stays attached without a process.</summary>
    /// <param name="path">A free path on a bpffs.</param>
    /// <exception cref="BpfException">EEXIST when the path is taken.</exception>
    public void Pin(string path) => BpfPin.Pin(Handle, path, "a link");

    /// <summary>Detaches at once, whatever pins and descriptors there are. The link stays as an empty shell.</summary>
    /// <exception cref="BpfException">EOPNOTSUPP for kinds of links that cannot.</exception>
    public void Detach()
    {
        using DescriptorLease lease = new(Handle);
        if (Libbpf.bpf_link_detach(lease.Descriptor) >= 0) return;
        int errno = Marshal.GetLastPInvokeError();
        if (errno != Errno.ENOLINK) throw new BpfException("detach a BPF link", errno);
    }

    /// <inheritdoc/>
    public void Dispose() => Handle.Dispose();

    private static BpfLink Attach(BpfProgram program, int target, uint attachType, uint flags, string where)
    {
        ArgumentNullException.ThrowIfNull(program);
        using DescriptorLease lease = new(program.Handle);
        BpfSyscall.LinkCreate create = new() { prog_fd = lease.Descriptor, target = target, attach_type = attachType, flags = flags };
        int fd = BpfSyscall.Call(bpf_cmd.BPF_LINK_CREATE, ref create);
        if (fd < 0) throw new BpfException($"attach program '{program.Name}' (id {program.Id}) {where}", -fd);
        return new BpfLink(new FileDescriptorHandle(fd));
    }

    private static uint TcxAttachType(TcDirection direction)
        => direction == TcDirection.Ingress ? BpfSyscall.BPF_TCX_INGRESS : BpfSyscall.BPF_TCX_EGRESS;

    private static BpfLinkInfo? FindInfo(uint id)
    {
        try
        {
            using BpfLink link = FromId(id);
            return link.Info;
        }
        catch (BpfException e) when (e.Errno == Errno.ENOENT)
        {
            return null;
        }
    }
}

using System.Runtime.InteropServices;
using Culvert.Interop.Handles;
using Culvert.Interop.Native;

namespace Culvert.Interop.Bpf;

/// <summary>A loaded program by descriptor. Safe to use from several threads.</summary>
public sealed unsafe class BpfProgram : IDisposable
{
    // Linux 5.18, include/uapi/linux/bpf.h.
    private const uint BPF_F_TEST_XDP_LIVE_FRAMES = 1 << 1;

    /// <summary>Takes a program's descriptor over.</summary>
    /// <param name="handle">The descriptor, disposed with this object.</param>
    /// <exception cref="BpfException">The descriptor is not a program.</exception>
    public BpfProgram(FileDescriptorHandle handle)
    {
        Handle = handle;
        BpfInfo.Program raw = BpfInfo.Get<BpfInfo.Program>(handle, "a BPF program");
        Id = raw.id;
        Name = BpfInfo.Text(raw.name);
    }

    /// <summary>The descriptor.</summary>
    public FileDescriptorHandle Handle { get; }

    /// <summary>The id that bpftool shows.</summary>
    public uint Id { get; }

    /// <summary>The name, at most 15 characters.</summary>
    public string Name { get; }

    /// <summary>Opens a pinned program.</summary>
    /// <param name="path">Where it is pinned.</param>
    /// <returns>The program.</returns>
    /// <exception cref="BpfException">ENOENT when nothing is pinned there; EINVAL when it is no program.</exception>
    public static BpfProgram OpenPinned(string path) => new(BpfPin.Open(path, BpfPin.Program));

    /// <summary>Opens a program by the id that bpftool shows.</summary>
    /// <param name="id">The id.</param>
    /// <returns>The program.</returns>
    /// <exception cref="BpfException">ENOENT when there is none.</exception>
    public static BpfProgram FromId(uint id)
    {
        int fd = Libbpf.bpf_prog_get_fd_by_id(id);
        if (fd < 0) throw new BpfException($"open BPF program with id {id}", Marshal.GetLastPInvokeError());
        return new BpfProgram(new FileDescriptorHandle(fd));
    }

    /// <summary>Pins the program in a BPF file system.</summary>
    /// <param name="path">A free path on a bpffs.</param>
    /// <exception cref="BpfException">EEXIST when the path is taken.</exception>
    public void Pin(string path) => BpfPin.Pin(Handle, path, $"program '{Name}'");

    /// <summary>Runs the program on a made-up packet (BPF_PROG_TEST_RUN).</summary>
    /// <param name="packet">The packet, from the Ethernet header on, at least 14 bytes.</param>
    /// <param name="output">Takes the packet afterwards; empty when it is not wanted.</param>
    /// <param name="repeat">How often to run it, at least once.</param>
    /// <returns>What came of it.</returns>
    /// <exception cref="BpfException">ENOSPC when <paramref name="output"/> is too small; ENOTSUPP for kinds that cannot be run.</exception>
    public BpfTestRunResult TestRun(ReadOnlySpan<byte> packet, Span<byte> output = default, int repeat = 1)
    {
        fixed (byte* data = packet)
        fixed (byte* result = output)
        {
            bpf_test_run_opts options = new()
            {
                data_in = data,
                data_size_in = (uint)packet.Length,
                data_out = result,
                data_size_out = (uint)output.Length,
                repeat = repeat,
            };
            return Run(ref options);
        }
    }

    /// <summary>Runs the program on a made-up packet with a context.</summary>
    /// <typeparam name="TContext"><see cref="SkBuffContext"/> or <see cref="XdpContext"/>.</typeparam>
    /// <param name="packet">The packet, from the Ethernet header on, at least 14 bytes.</param>
    /// <param name="context">In: the fields the kernel lets a test set; out: as the program left it.</param>
    /// <param name="output">Takes the packet afterwards; empty when it is not wanted.</param>
    /// <param name="repeat">How often to run it, at least once.</param>
    /// <returns>What came of it.</returns>
    /// <exception cref="BpfException">EINVAL for a context field that cannot be set; else as the other overload.</exception>
    public BpfTestRunResult TestRun<TContext>(ReadOnlySpan<byte> packet, ref TContext context, Span<byte> output = default, int repeat = 1)
        where TContext : unmanaged
    {
        TContext after = default;
        BpfTestRunResult run;
        fixed (byte* data = packet)
        fixed (byte* result = output)
        fixed (TContext* before = &context)
        {
            bpf_test_run_opts options = new()
            {
                data_in = data,
                data_size_in = (uint)packet.Length,
                data_out = result,
                data_size_out = (uint)output.Length,
                ctx_in = before,
                ctx_size_in = (uint)sizeof(TContext),
                ctx_out = &after,
                ctx_size_out = (uint)sizeof(TContext),
                repeat = repeat,
            };
            run = Run(ref options);
        }
        context = after;
        return run;
    }

    /// <summary>
    /// Has the kernel receive a packet as if an interface had brought it, with this XDP program at it: what it passes goes on to traffic control and routing before this returns, unless packets are steered to other
    /// processors (BPF_PROG_TEST_RUN with BPF_F_TEST_XDP_LIVE_FRAMES, Linux 5.18; Documentation/bpf/bpf_prog_run.rst).
    /// </summary>
    /// <param name="packet">The packet, from the Ethernet header on, at least 14 bytes.</param>
    /// <param name="interfaceIndex">The interface, in the calling thread's network namespace.</param>
    /// <exception cref="BpfException">EINVAL on older kernels, or for a program that is not for XDP; ENODEV without that interface.</exception>
    public void Inject(ReadOnlySpan<byte> packet, int interfaceIndex)
    {
        XdpContext context = new() { DataEnd = (uint)packet.Length, IngressInterface = (uint)interfaceIndex };
        fixed (byte* data = packet)
        {
            bpf_test_run_opts options = new()
            {
                data_in = data,
                data_size_in = (uint)packet.Length,
                ctx_in = &context,
                ctx_size_in = (uint)sizeof(XdpContext),
                repeat = 1,
                flags = BPF_F_TEST_XDP_LIVE_FRAMES,
                batch_size = 1,
            };
            Run(ref options);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Handle.Dispose();

    private BpfTestRunResult Run(ref bpf_test_run_opts options)
    {
        options.sz = (nuint)sizeof(bpf_test_run_opts);
        uint room = options.data_size_out;
        using DescriptorLease lease = new(Handle);
        fixed (bpf_test_run_opts* p = &options)
        {
            while (Libbpf.bpf_prog_test_run_opts(lease.Descriptor, p) < 0)
            {
                int errno = Marshal.GetLastPInvokeError();
                if (errno != Errno.EINTR) throw new BpfException($"test-run program '{Name}'", errno, errno == Errno.ENOSPC ? $"the output has room for {room} bytes" : null);
            }
        }
        return new BpfTestRunResult(options.retval, (int)options.data_size_out, TimeSpan.FromTicks(options.duration / TimeSpan.NanosecondsPerTick), options.duration);
    }
}

using Culvert.Interop.Handles;
using Culvert.Interop.Native;

namespace Culvert.Interop.Bpf;

/// <summary>
/// A TC program attached the old way, as a direct-action filter of the clsact qdisc, for kernels without TCX (before 6.6).
/// A handle and a priority of our own tell our filter from those of others.
/// </summary>
public static unsafe class TcFilter
{
    /// <summary>The filter handle used when none is given ("CV").</summary>
    public const uint DefaultHandle = 0x4356;

    /// <summary>The handle of filters that stay for a moment only, to try something.</summary>
    public const uint ProbeHandle = DefaultHandle + 1;

    /// <summary>The priority used when none is given: the highest. Of several filters there, the one that was attached last runs first.</summary>
    public const uint DefaultPriority = 1;

    /// <summary>What earlier builds used.</summary>
    public const uint FormerPriority = 2;

    private const uint BPF_TC_F_REPLACE = 1;

    /// <summary>Attaches a program, or replaces ours in one step without a gap. Makes the clsact qdisc when it is missing.</summary>
    /// <param name="program">A program of section "tc".</param>
    /// <param name="interfaceIndex">The interface, in the calling thread's network namespace.</param>
    /// <param name="direction">Which packets.</param>
    /// <param name="handle">The filter's handle.</param>
    /// <param name="priority">The filter's priority, 1 to 65535.</param>
    /// <exception cref="BpfException">The kernel refused, for example ENODEV.</exception>
    public static void Attach(BpfProgram program, int interfaceIndex, TcDirection direction, uint handle = DefaultHandle, uint priority = DefaultPriority)
    {
        ArgumentNullException.ThrowIfNull(program);
        string what = $"attach program '{program.Name}' (id {program.Id}) to interface {interfaceIndex} by clsact ({direction})";
        bpf_tc_hook hook = Hook(interfaceIndex, direction);
        using LibbpfLog.Scope log = LibbpfLog.Begin();
        int result = Libbpf.bpf_tc_hook_create(&hook);
        if (result < 0 && result != -Errno.EEXIST) throw new BpfException(what, -result, log.Text);

        using DescriptorLease lease = new(program.Handle);
        bpf_tc_opts options = new()
        {
            sz = (nuint)sizeof(bpf_tc_opts),
            prog_fd = lease.Descriptor,
            flags = BPF_TC_F_REPLACE,
            handle = handle,
            priority = priority,
        };
        result = Libbpf.bpf_tc_attach(&hook, &options);
        if (result < 0) throw new BpfException(what, -result, log.Text);
    }

    /// <summary>The program of a filter.</summary>
    /// <param name="interfaceIndex">The interface, in the calling thread's network namespace.</param>
    /// <param name="direction">Which packets.</param>
    /// <param name="handle">The filter's handle.</param>
    /// <param name="priority">The filter's priority.</param>
    /// <returns>The program's id, or null when there is no such filter or qdisc.</returns>
    /// <exception cref="BpfException">The kernel refused, for example ENODEV.</exception>
    public static uint? Query(int interfaceIndex, TcDirection direction, uint handle = DefaultHandle, uint priority = DefaultPriority)
    {
        bpf_tc_hook hook = Hook(interfaceIndex, direction);
        bpf_tc_opts options = new() { sz = (nuint)sizeof(bpf_tc_opts), handle = handle, priority = priority };
        using LibbpfLog.Scope log = LibbpfLog.Begin();
        int result = Libbpf.bpf_tc_query(&hook, &options);
        if (result >= 0) return options.prog_id;
        // EINVAL is the kernel's word for an interface without clsact.
        return -result is Errno.ENOENT or Errno.EINVAL ? null : throw new BpfException($"query the clsact filter of interface {interfaceIndex} ({direction})", -result, log.Text);
    }

    /// <summary>Removes a filter; the qdisc stays, as others may use it.</summary>
    /// <param name="interfaceIndex">The interface, in the calling thread's network namespace.</param>
    /// <param name="direction">Which packets.</param>
    /// <param name="handle">The filter's handle.</param>
    /// <param name="priority">The filter's priority.</param>
    /// <returns>False when there was no such filter.</returns>
    /// <exception cref="BpfException">The kernel refused.</exception>
    public static bool Detach(int interfaceIndex, TcDirection direction, uint handle = DefaultHandle, uint priority = DefaultPriority)
    {
        bpf_tc_hook hook = Hook(interfaceIndex, direction);
        bpf_tc_opts options = new() { sz = (nuint)sizeof(bpf_tc_opts), handle = handle, priority = priority };
        using LibbpfLog.Scope log = LibbpfLog.Begin();
        int result = Libbpf.bpf_tc_detach(&hook, &options);
        if (result >= 0) return true;
        return -result is Errno.ENOENT or Errno.EINVAL ? false : throw new BpfException($"remove the clsact filter of interface {interfaceIndex} ({direction})", -result, log.Text);
    }

    /// <summary>Removes the clsact qdisc with the filters of everybody on it.</summary>
    /// <param name="interfaceIndex">The interface, in the calling thread's network namespace.</param>
    /// <exception cref="BpfException">The kernel refused.</exception>
    public static void RemoveQdisc(int interfaceIndex)
    {
        bpf_tc_hook hook = Hook(interfaceIndex, TcDirection.Ingress);
        hook.attach_point |= bpf_tc_attach_point.BPF_TC_EGRESS;
        using LibbpfLog.Scope log = LibbpfLog.Begin();
        int result = Libbpf.bpf_tc_hook_destroy(&hook);
        if (result < 0 && -result is not (Errno.ENOENT or Errno.EINVAL)) throw new BpfException($"remove the clsact qdisc of interface {interfaceIndex}", -result, log.Text);
    }

    private static bpf_tc_hook Hook(int interfaceIndex, TcDirection direction) => new()
    {
        sz = (nuint)sizeof(bpf_tc_hook),
        ifindex = interfaceIndex,
        attach_point = direction == TcDirection.Ingress ? bpf_tc_attach_point.BPF_TC_INGRESS : bpf_tc_attach_point.BPF_TC_EGRESS,
    };
}

using Culvert.Interop;
using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;

namespace Culvert.NodeAgent.Datapath.Delivery;

/// <summary>Brings programs to links for as long as something is tried there, before those that stay. Thread-safe.</summary>
/// <param name="tcx">Whether the kernel has TCX.</param>
internal sealed class MomentaryPrograms(bool tcx)
{
    // Beside the filters of the programs that stay, see TcFilter.
    private const uint FilterHandle = TcFilter.ProbeHandle;

    /// <summary>Attaches a program.</summary>
    /// <param name="program">The program.</param>
    /// <param name="index">The link.</param>
    /// <param name="direction">Which of the link's hooks.</param>
    /// <returns>What detaches it; null: the link is not there.</returns>
    /// <exception cref="BpfException">The kernel refused it for another reason.</exception>
    internal IDisposable? TryAttach(BpfProgram program, int index, TcDirection direction)
    {
        try
        {
            if (tcx) return BpfLink.AttachTcx(program, index, direction);
            TcFilter.Attach(program, index, direction, FilterHandle);
            return new AttachedFilter(index, direction);
        }
        catch (BpfException e) when (e.Errno == Errno.ENODEV)
        {
            return null;
        }
    }

    /// <summary>Removes what an agent that was killed while it tried has left at links; on kernels with TCX nothing outlives it.</summary>
    internal void RemoveLeft(RouteNetlink netlink)
    {
        if (tcx) return;
        foreach (int index in netlink.GetLinks().Select(l => l.Index))
        {
            DetachFilter(index, TcDirection.Ingress);
            DetachFilter(index, TcDirection.Egress);
        }
    }

    private static void DetachFilter(int index, TcDirection direction)
    {
        try
        {
            TcFilter.Detach(index, direction, FilterHandle);
        }
        catch (BpfException e) when (e.Errno == Errno.ENODEV)
        {
            // The filter went with its link.
        }
    }

    private sealed class AttachedFilter(int index, TcDirection direction) : IDisposable
    {
        public void Dispose() => DetachFilter(index, direction);
    }
}

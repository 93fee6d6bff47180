using System.Globalization;
using Culvert.Interop;
using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;

namespace Culvert.NodeAgent.Datapath;

/// <summary>What runs before all else at a link.</summary>
/// <param name="ProgramId">The kernel's id of its program; null: it is a filter of another kind.</param>
/// <param name="Description">What it is, for people.</param>
internal sealed record FirstProgram(uint? ProgramId, string Description)
{
    /// <summary>Asks the kernel, in the caller's network namespace. Thread-safe.</summary>
    /// <param name="index">The link.</param>
    /// <param name="direction">Which of its hooks.</param>
    /// <param name="tcx">Whether the kernel has TCX; else filters are asked for.</param>
    /// <returns>Null: nothing runs there.</returns>
    /// <exception cref="KernelException">The link is not there, or can't be asked.</exception>
    internal static FirstProgram? Find(int index, TcDirection direction, bool tcx)
    {
        if (tcx) return BpfLink.QueryTcx(index, direction) is [var first, ..] ? new FirstProgram(first.ProgramId, $"program {first.ProgramId}") : null;
        using RouteNetlink netlink = RouteNetlink.Open();
        return netlink.GetFilters(index, direction).FirstOrDefault(f => f.Handle != 0) is { } filter
            ? new FirstProgram(filter.ProgramId, string.Create(CultureInfo.InvariantCulture, $"{filter.Kind} filter {filter.Handle:x}"))
            : null;
    }
}

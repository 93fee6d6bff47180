using System.Collections.Immutable;
using System.Globalization;
using System.Net.Sockets;
using Culvert.Interop;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Options;

namespace Culvert.NodeAgent.Datapath.Inside;

/// <summary>
/// What delivers to the sockets of a pod's network namespace that which the programs have looped to its lo: a rule and a route as the node has them (<see cref="CaptureRoutes"/>), and leave for lo to bring
/// packets with the pod's own address, which a kernel takes for misplaced otherwise (net.ipv4.conf.lo.accept_local). Not thread-safe.
/// </summary>
internal sealed class PodRoutes(AgentOptions options, NetworkNamespace network, ImmutableArray<AddressFamily> families)
{
    private const string AcceptLocal = "ipv4/conf/lo/accept_local";
    private readonly CaptureRoutes _routes = new(options, families);

    /// <summary>Families of the pod's addresses.</summary>
    internal ImmutableArray<AddressFamily> Families => families;

    /// <summary>Makes what is missing; one line for each thing made.</summary>
    /// <exception cref="KernelException">The kernel refused.</exception>
    internal IReadOnlyList<string> Ensure() => network.Run<IReadOnlyList<string>>(() =>
    {
        List<string> made = [.. _routes.Ensure()];
        if (families.Contains(AddressFamily.InterNetwork) && Sysctl.Read(AcceptLocal) == "0")
        {
            Sysctl.Write(AcceptLocal, "1");
            made.Add($"net/{AcceptLocal}");
        }
        return made;
    });

    /// <summary>Removes all of it; one line for each thing removed.</summary>
    /// <exception cref="KernelException">The kernel refused.</exception>
    internal IReadOnlyList<string> Remove() => network.Run<IReadOnlyList<string>>(() =>
    {
        List<string> removed = [.. _routes.Remove()];
        if (removed.Count > 0 && families.Contains(AddressFamily.InterNetwork) && Sysctl.Read(AcceptLocal) == "1")
        {
            Sysctl.Write(AcceptLocal, "0");
            removed.Add($"net/{AcceptLocal}");
        }
        return removed.ConvertAll(r => string.Create(CultureInfo.InvariantCulture, $"{r} in {network.Description}"));
    });
}

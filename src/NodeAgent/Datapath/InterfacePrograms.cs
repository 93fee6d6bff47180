using Culvert.Interop.Bpf;
using Culvert.NodeAgent.Datapath.Inside;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Brings programs to the interfaces that a plan names, and away from all others. The reconciler's; not thread-safe.</summary>
internal sealed class InterfacePrograms(DatapathPrograms programs, ProgramAttacher attacher, XdpAttacher xdp, PodCapture? inside = null)
{
    /// <summary>Whether the programs at the interfaces run before those of others.</summary>
    internal bool AreFirst() => attacher.AreFirst() && inside?.AreFirst() != false;

    /// <summary>Whether programs that guarded a pod which was gone from the cluster are to be given up, as it has ended.</summary>
    internal bool AreLeft(LinkPlan plan) => inside?.AreLeft(Missing(plan), plan.Snapshot) == true;

    /// <summary>Whether programs of a workload are inside its network namespace, of this agent or one before it.</summary>
    internal bool AreInside(string uid) => inside?.Knows(uid) == true;

    /// <summary>Opens the network namespaces of pods that are captured there, before anything of them is captured.</summary>
    /// <returns>Numbers of the links of those that take nothing.</returns>
    internal IReadOnlySet<int> Open(LinkPlan plan) => inside?.Open(plan.Inside) ?? new HashSet<int>();

    /// <summary>Attaches what is missing, and puts in front what is not first.</summary>
    /// <returns>Indexes of the interfaces that have gone since they were looked at.</returns>
    /// <exception cref="BpfException">The kernel refused one, for another reason; those before are attached.</exception>
    internal IReadOnlySet<int> Attach(LinkPlan plan)
    {
        HashSet<int> gone = [];
        foreach (InterfaceOwner pod in plan.Pods)
        {
            if (!attacher.Attach(programs.ToPod, pod.Interface, pod.Index, TcDirection.Egress) || !attacher.Attach(programs.FromPod, pod.Interface, pod.Index, TcDirection.Ingress)) gone.Add(pod.Index);
        }
        if (inside is not null) gone.UnionWith(inside.Attach(plan.Inside));
        foreach (LinkState uplink in plan.Uplinks.Concat(plan.HostEnds))
        {
            if (!attacher.Attach(programs.FromNet, uplink.Name, uplink.Index, TcDirection.Ingress)) gone.Add(uplink.Index);
        }
        foreach (LinkState uplink in plan.XdpUplinks.Where(u => !gone.Contains(u.Index))) xdp.Attach(uplink);
        return gone;
    }

    /// <summary>Detaches everything that the plan does not want.</summary>
    internal void KeepOnly(LinkPlan plan)
    {
        HashSet<(string, TcDirection)> wanted = [];
        foreach (InterfaceOwner pod in plan.Pods)
        {
            wanted.Add((pod.Interface, TcDirection.Ingress));
            wanted.Add((pod.Interface, TcDirection.Egress));
        }
        foreach (LinkState uplink in plan.Uplinks.Concat(plan.HostEnds)) wanted.Add((uplink.Name, TcDirection.Ingress));
        xdp.KeepOnly(plan.XdpUplinks.Select(u => u.Name).ToHashSet(StringComparer.Ordinal));
        attacher.KeepOnly(wanted);
        inside?.KeepOnly(plan.Inside, Missing(plan), plan.Snapshot);
    }

    // Workloads that are not found any more, and are guarded where they were.
    private static HashSet<string> Missing(LinkPlan plan) => plan.Missing.Keys.Where(uid => !plan.Refused.Contains(uid)).ToHashSet(StringComparer.Ordinal);
}

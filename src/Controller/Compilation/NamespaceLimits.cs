using Culvert.Controller.Objects;

namespace Culvert.Controller.Compilation;

/// <summary>What namespaces may ask for, each by itself and all together.</summary>
internal static class NamespaceLimits
{
    /// <summary>Most blocks of addresses in the NetworkPolicies of a namespace, with the parts that are excepted: nodes compare each with each, of the policies that select their pods.</summary>
    public const int MostBlocks = 4096;

    /// <summary>Most ports of the workloads of a namespace that annotations leave alone, each counted for each address.</summary>
    public const int MostOpenPorts = 1024;

    /// <summary>Most of them in the mesh: each is two entries of <c>cv_service</c> at every node, which has 32,768 for them, Services and the rest.</summary>
    public const int MostOpenPortsOfAll = 4096;

    /// <summary>Most ports of Services, each counted for each address of its Service: each is an entry of <c>cv_service</c> at every node.</summary>
    public const int MostServicePorts = 20_480;

    /// <summary>
    /// Most backends of ports of Services, also of those that a route leads to: every agent and controller has each in memory. So many take 25 MiB of an agent, and 30 MiB more while it reads them, and 51 MiB of a
    /// controller (measured with 262 ports that have 1,000 addresses each); both have 1 GiB at most in a cluster.
    /// </summary>
    public const int MostBackends = 262_144;

    public static NamespaceLimit<NetworkPolicyObject> Blocks() =>
        new(new(MostBlocks, long.MaxValue), p => p.Rules.SelectMany(r => r.Peers).Where(p => p.Block is not null).Sum(p => 1 + p.Except.Count));

    public static NamespaceLimit<WorkloadObject> OpenPorts() => new(new(MostOpenPorts, MostOpenPortsOfAll), w => w.Meta.ExcludedPorts.Count * Math.Max(1, w.Addresses.Count));
}

using Culvert.Controller.Objects;

namespace Culvert.Controller.Compilation;

/// <summary>What a namespace may ask for.</summary>
internal static class NamespaceLimits
{
    /// <summary>Most blocks of addresses in NetworkPolicies, with the parts that are excepted: nodes compare each with each.</summary>
    public const int MostBlocks = 4096;

    /// <summary>Most ports of workloads that annotations leave alone, each counted for each address: each is an entry at every node.</summary>
    public const int MostOpenPorts = 1024;

    public static NamespaceLimit<NetworkPolicyObject> Blocks() => new(MostBlocks, p => p.Rules.SelectMany(r => r.Peers).Where(p => p.Block is not null).Sum(p => 1 + p.Except.Count));

    public static NamespaceLimit<WorkloadObject> OpenPorts() => new(MostOpenPorts, w => w.Meta.ExcludedPorts.Count * Math.Max(1, w.Addresses.Count));
}

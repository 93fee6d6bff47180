using System.Collections.Immutable;
using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Snapshots;

/// <summary>Compiles a world into the model that every node's snapshot is cut from. Pure.</summary>
internal static class WorldCompiler
{
    public static CompiledWorld Compile(World world)
    {
        var policies = new SelectorIndex<AuthorizationPolicyObject>(world.Policies, p => p.Meta.Namespace, p => p.Selector);
        var modes = new SelectorIndex<PeerAuthenticationObject>(world.PeerAuthentications, p => p.Meta.Namespace, p => p.Selector);
        ImmutableArray<ServiceInfo> services = ServiceCompiler.Compile(world);
        ProxyProtocolCompiler proxies = new(world.Services, services);
        WorkloadInfo[] workloads = [.. world.Workloads.Select(w => proxies.Apply(w, CompileWorkload(world, w, policies, modes)))];
        return new()
        {
            Mesh = world.Mesh,
            Problems = world.Problems,
            TrustBundle = world.TrustBundle,
            Workloads = [.. workloads],
            Services = services,
            Policies = world.Policies.ToImmutableDictionary(p => p.Meta.FullName, p => p.Policy),
            Nodes = [.. workloads.Select(w => w.Node).Distinct().Order(StringComparer.Ordinal).Select(n => new NodeInfo(n, []))],
        };
    }

    private static WorkloadInfo CompileWorkload(
        World world, WorkloadObject workload, SelectorIndex<AuthorizationPolicyObject> policies, SelectorIndex<PeerAuthenticationObject> modes)
    {
        ObjectMeta meta = workload.Meta;
        bool enrolled = workload.IsEnrolled(world.Namespaces.GetValueOrDefault(meta.Namespace));
        return new()
        {
            Uid = meta.FullName.ToString(),
            Name = meta.FullName,
            ServiceAccount = workload.ServiceAccount,
            Identity = SpiffeId.ForServiceAccount(world.Mesh.TrustDomain, meta.Namespace, workload.ServiceAccount),
            Node = workload.Node,
            Addresses = workload.Addresses,
            Labels = meta.Labels,
            Enrolled = enrolled,
            MtlsMode = ModeOf(world, meta, modes),
            HostInterface = workload.Interface,
            NetworkNamespace = workload.NetworkNamespace,
            PolicyNames = enrolled
                ? policies.InScope(meta).Select(p => p.Meta.FullName).ToEquatableArray()
                : [],
        };
    }

    /// <summary>The most specific level that says something counts: workload, namespace, mesh. Where one level says both, strict does.</summary>
    private static MtlsMode ModeOf(World world, ObjectMeta meta, SelectorIndex<PeerAuthenticationObject> modes)
    {
        PeerAuthenticationObject[] matching = [.. modes.InScope(meta)];
        MtlsMode? Level(Func<PeerAuthenticationObject, bool> level) => matching.Where(level).Select(p => (MtlsMode?)p.Mode).Max();
        if (matching.Length == 0) return world.Mesh.DefaultMtlsMode;
        return Level(p => !p.Selector.IsEmpty && p.Meta.Namespace == meta.Namespace)
            ?? Level(p => !p.Selector.IsEmpty)
            ?? Level(p => p.Meta.Namespace == meta.Namespace)
            ?? Level(_ => true)
            ?? world.Mesh.DefaultMtlsMode;
    }
}

using System.Collections.Immutable;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Snapshots;

/// <summary>Compiles a world into the model that every node's snapshot is cut from. Pure.</summary>
internal static class WorldCompiler
{
    public static CompiledWorld Compile(World world)
    {
        ILookup<string, AuthorizationPolicyObject> policies = world.Policies.ToLookup(p => p.Meta.Namespace);
        ILookup<string, PeerAuthenticationObject> modes = world.PeerAuthentications.ToLookup(p => p.Meta.Namespace);
        WorkloadInfo[] workloads = [.. world.Workloads.Select(w => CompileWorkload(world, w, policies, modes))];
        return new()
        {
            Mesh = world.Mesh,
            TrustBundle = world.TrustBundle,
            Workloads = [.. workloads],
            Services = ServiceCompiler.Compile(world),
            Policies = world.Policies.ToImmutableDictionary(p => p.Meta.FullName, p => p.Policy),
            Nodes = [.. workloads.Select(w => w.Node).Distinct().Order(StringComparer.Ordinal).Select(n => new NodeInfo(n, []))],
        };
    }

    private static WorkloadInfo CompileWorkload(
        World world, WorkloadObject workload, ILookup<string, AuthorizationPolicyObject> policies, ILookup<string, PeerAuthenticationObject> modes)
    {
        ObjectMeta meta = workload.Meta;
        bool enrolled = workload.Enrolled ?? world.Namespaces.GetValueOrDefault(meta.Namespace)?.Enrolled ?? true;
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
                ? InScope(policies, meta).Where(p => ObjectMeta.Matches(p.Selector, meta.Labels)).Select(p => p.Meta.FullName).ToEquatableArray()
                : [],
        };
    }

    /// <summary>Mesh-wide objects first, then those of the namespace, each by name.</summary>
    private static IEnumerable<T> InScope<T>(ILookup<string, T> objects, ObjectMeta meta) =>
        meta.Namespace == Names.RootNamespace ? objects[Names.RootNamespace] : objects[Names.RootNamespace].Concat(objects[meta.Namespace]);

    /// <summary>The most specific level that says something counts: workload, namespace, mesh. Where one level says both, strict does.</summary>
    private static MtlsMode ModeOf(World world, ObjectMeta meta, ILookup<string, PeerAuthenticationObject> modes)
    {
        PeerAuthenticationObject[] matching = [.. InScope(modes, meta).Where(p => ObjectMeta.Matches(p.Selector, meta.Labels))];
        MtlsMode? Level(Func<PeerAuthenticationObject, bool> level) => matching.Where(level).Select(p => (MtlsMode?)p.Mode).Max();
        return Level(p => !p.Selector.IsEmpty && p.Meta.Namespace == meta.Namespace)
            ?? Level(p => !p.Selector.IsEmpty)
            ?? Level(p => p.Meta.Namespace == meta.Namespace)
            ?? Level(_ => true)
            ?? world.Mesh.DefaultMtlsMode;
    }
}

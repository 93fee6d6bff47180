using Culvert.Core;
using Culvert.Protocol;
using Culvert.Protocol.V1;

namespace Culvert.Controller.Snapshots;

/// <summary>The wire form of a compiled world, shared by the snapshots of all nodes. A resource that did not change is the same instance as in the
/// catalog before, so that deltas are found by reference. Messages in it must not be changed.</summary>
internal sealed class ResourceCatalog
{
    private readonly CompiledWorld _world;
    private readonly Dictionary<ResourceKey, Resource> _shared = [];
    private readonly Dictionary<ResourceKey, Resource> _local = [];
    private readonly ILookup<string, WorkloadInfo> _byNode;
    private readonly Dictionary<string, WorkloadInfo> _byUid;

    public ResourceCatalog(CompiledWorld world, ulong version, ResourceCatalog? previous)
    {
        (_world, Version) = (world, version);
        _byNode = world.Workloads.ToLookup(w => w.Node);
        _byUid = world.Workloads.ToDictionary(w => w.Uid);
        Add(_shared, previous?._shared, new() { Mesh = world.Mesh.ToWire(world.Problems) });
        Add(_shared, previous?._shared, new() { TrustBundle = world.TrustBundle.ToWire() });
        foreach (NodeInfo node in world.Nodes) Add(_shared, previous?._shared, new() { Node = node.ToWire() });
        foreach (ServiceInfo service in world.Services) Add(_shared, previous?._shared, new() { Service = service.ToWire() });
        foreach (WorkloadInfo workload in world.Workloads)
        {
            Resource local = Add(_local, previous?._local, new() { Workload = workload.ToWire() });
            if (workload.PolicyNames.IsEmpty) _shared.Add(ResourceKey.Of(local), local);
            else Add(_shared, previous?._shared, new() { Workload = (workload with { PolicyNames = [] }).ToWire() });
        }
        foreach (PolicyInfo policy in world.Policies.Values) Add(_local, previous?._local, new() { Policy = policy.ToWire() });
    }

    /// <summary>An empty catalog at version 0.</summary>
    public static ResourceCatalog Empty { get; } = new(new(), 0, null);

    public ulong Version { get; }

    /// <summary>Whether this is a world, and not what stands for it before there is one.</summary>
    public bool IsPublished => Version > 0;

    public CompiledWorld World => _world;

    /// <summary>A workload by uid, or null.</summary>
    public WorkloadInfo? FindWorkload(string uid) => _byUid.GetValueOrDefault(uid);

    /// <summary>The resources of one node's snapshot.</summary>
    public IReadOnlyDictionary<ResourceKey, Resource> ForNode(string node)
    {
        var resources = new Dictionary<ResourceKey, Resource>(_shared);
        foreach (WorkloadInfo workload in _byNode[node])
        {
            var key = new ResourceKey(ResourceKind.Workload, workload.Uid);
            resources[key] = _local[key];
            foreach (NamespacedName policy in workload.PolicyNames)
            {
                var policyKey = new ResourceKey(ResourceKind.Policy, policy.ToString());
                resources[policyKey] = _local[policyKey];
            }
        }
        return resources;
    }

    private static Resource Add(Dictionary<ResourceKey, Resource> target, Dictionary<ResourceKey, Resource>? previous, Resource resource)
    {
        ResourceKey key = ResourceKey.Of(resource);
        if (previous is not null && previous.TryGetValue(key, out Resource? same) && same.Equals(resource)) resource = same;
        target.Add(key, resource);
        return resource;
    }
}

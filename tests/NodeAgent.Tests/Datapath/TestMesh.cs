using System.Collections.Immutable;
using System.Net;
using Culvert.Core;
using Culvert.NodeAgent.Datapath;

namespace Culvert.NodeAgent.Tests.Datapath;

/// <summary>Small snapshots for tests.</summary>
internal static class TestMesh
{
    internal static WorkloadInfo Workload(string name, string node, string address, string serviceAccount = "default", MtlsMode mode = MtlsMode.Permissive, params string[] policies) => new()
    {
        Uid = $"shop/{name}",
        Name = new NamespacedName("shop", name),
        ServiceAccount = serviceAccount,
        Identity = SpiffeId.ForServiceAccount("cluster.local", "shop", serviceAccount),
        Node = node,
        Addresses = [.. address.Split(' ').Select(IPAddress.Parse)],
        MtlsMode = mode,
        PolicyNames = [.. policies.Select(p => new NamespacedName("shop", p))],
    };

    internal static NodeSnapshot Snapshot(IEnumerable<WorkloadInfo> workloads, IEnumerable<PolicyInfo>? policies = null, IEnumerable<ServiceInfo>? services = null, MeshSettings? mesh = null) => new()
    {
        Version = 1,
        Node = "n1",
        Mesh = mesh ?? new MeshSettings(),
        Workloads = workloads.ToImmutableDictionary(w => w.Uid),
        Policies = (policies ?? []).ToImmutableDictionary(p => p.Name),
        Services = (services ?? []).ToImmutableDictionary(s => s.Name),
    };

    internal static PathOracle Oracle(NodeSnapshot snapshot) => new(new SnapshotIndex(snapshot), tunnelPort: 15008);

    internal static LocalEndpoint Endpoint(WorkloadInfo workload, int index) =>
        new(workload, $"cv{index}", index, 1500, [2, 0, 0, 0, 0, (byte)index], [2, 1, 0, 0, 0, (byte)index]);

    internal static ServiceInfo Service(string name, string vips, params ServiceBackend[] backends) => new()
    {
        Name = new NamespacedName("shop", name),
        Vips = [.. vips.Split(' ').Select(IPAddress.Parse)],
        Ports = [new ServicePort { Port = 80, TargetPort = 8080, Backends = [.. backends] }],
    };

    internal static ServiceBackend Backend(string uid, string address, ushort weight = 1) => new(uid, IPAddress.Parse(address), 8080, weight);
}

using System.Collections.Immutable;
using Culvert.Controller.Identity.Spire.Entries;
using Culvert.Controller.Objects;
using Culvert.Controller.Snapshots;
using Culvert.Core;
using Culvert.Tests.Shared.Spire;

namespace Culvert.Controller.Tests.Identity.Spire;

/// <summary>A world that a test makes. Nodes have the uid <c>uid-NAME</c>.</summary>
internal sealed class FakeWorld : IEntrySource
{
    private volatile EntryWorld? _world;

    public event Action? Changed;

    public MeshSettings Mesh { get; set; } = new() { TrustDomain = StandInSpire.TrustDomain, CertificateLifetime = TimeSpan.FromHours(1) };

    /// <summary>Nodes that have no uid.</summary>
    public HashSet<string> Unknown { get; } = new(StringComparer.Ordinal);

    public EntryWorld? Read() => _world;

    /// <summary>Sets the pods and tells of it.</summary>
    public void Set(params IEnumerable<WorkloadInfo> pods)
    {
        ImmutableDictionary<string, WorkloadInfo> workloads = pods.ToImmutableDictionary(p => p.Uid, StringComparer.Ordinal);
        ImmutableDictionary<ObjectKey, MeshObject> nodes = workloads.Values.Select(w => w.Node).Distinct().Where(n => !Unknown.Contains(n)).ToImmutableDictionary(
            n => new ObjectKey(ObjectKind.Node, "", n), n => (MeshObject)new NodeObject(new() { Name = n, Origin = new FileOrigin("nodes.yaml", 1, "", 1) }) { Uid = $"uid-{n}" });
        _world = new(new() { Version = 1, Mesh = Mesh, Workloads = workloads }, nodes);
        Changed?.Invoke();
    }

    /// <summary>Tells of something that changes no entry.</summary>
    public void Touch() => Changed?.Invoke();

    public static WorkloadInfo Pod(string name, string node = "n1", string account = "web", bool enrolled = true, string ns = "shop") => new()
    {
        Uid = $"{ns}/{name}",
        Name = new(ns, name),
        ServiceAccount = account,
        Identity = SpiffeId.ForServiceAccount(StandInSpire.TrustDomain, ns, account),
        Node = node,
        Enrolled = enrolled,
    };

    /// <summary>Pods of as many identities, on ten nodes.</summary>
    public static IEnumerable<WorkloadInfo> Pods(int count) => Enumerable.Range(0, count).Select(i => Pod($"p{i}", $"n{i % 10}", $"a{i}"));
}

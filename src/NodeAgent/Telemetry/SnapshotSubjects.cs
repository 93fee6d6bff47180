using Culvert.Core;
using Culvert.NodeAgent.Telemetry.Metrics;

namespace Culvert.NodeAgent.Telemetry;

/// <summary>The subjects of series that the snapshot in force has. Not thread-safe: the sweeps ask one after another.</summary>
/// <param name="current">The snapshot in force.</param>
internal sealed class SnapshotSubjects(Func<NodeSnapshot> current) : IMeshSubjects
{
    private NodeSnapshot? _indexed;
    private HashSet<NamespacedName> _workloads = [];
    private HashSet<NamespacedName> _routes = [];
    private HashSet<string> _policies = [];
    private HashSet<string> _issuers = [];

    /// <inheritdoc/>
    public void Refresh() => Index();

    /// <inheritdoc/>
    public bool HasWorkload(NamespacedName name) => Index()._workloads.Contains(name);

    /// <inheritdoc/>
    public bool HasService(NamespacedName name) => current().Services.ContainsKey(name);

    /// <inheritdoc/>
    public bool HasRoute(NamespacedName name) => Index()._routes.Contains(name);

    /// <inheritdoc/>
    public bool HasPolicy(string policy) => Index()._policies.Contains(policy);

    /// <inheritdoc/>
    public bool HasIssuer(string issuer) => Index()._issuers.Contains(issuer);

    // Of a snapshot only once, and only if somebody asks: most series are in use or of few objects.
    private SnapshotSubjects Index()
    {
        NodeSnapshot snapshot = current();
        if (ReferenceEquals(snapshot, _indexed)) return this;
        _workloads = [.. snapshot.Workloads.Values.Select(w => w.Name)];
        _routes = [.. snapshot.HttpRoutes.Keys.Select(r => r.Name)];

        // Labels name a RateLimit as the object, and other policies as they are referred to.
        _policies = new HashSet<string>(
            snapshot.Policies.Keys.SelectMany(p => (string[])[new PolicyReference(p).ToString(), RateLimitNames.ObjectOf(p).ToString()])
                .Concat(snapshot.NetworkPolicies.Keys.Select(p => new PolicyReference(p, PolicyKind.NetworkPolicy).ToString())),
            StringComparer.Ordinal);
        _issuers = new HashSet<string>(snapshot.RequestAuthentications.Values.SelectMany(a => a.Rules).Select(r => r.Issuer), StringComparer.Ordinal);
        _indexed = snapshot;
        return this;
    }
}

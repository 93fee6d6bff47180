using Culvert.Core;
using Culvert.NodeAgent.Telemetry.Metrics;

namespace Culvert.NodeAgent.Tests.Telemetry;

/// <summary>Subjects of series that a test names.</summary>
internal sealed class MeshWorld(params string[] workloads) : IMeshSubjects
{
    internal HashSet<string> Workloads { get; } = [.. workloads];

    public void Refresh()
    {
        // It is a constant.
    }

    public bool HasWorkload(NamespacedName name) => Workloads.Contains(name.ToString());

    public bool HasService(NamespacedName name) => false;

    public bool HasRoute(NamespacedName name) => false;

    public bool HasPolicy(string policy) => false;

    public bool HasIssuer(string issuer) => false;
}

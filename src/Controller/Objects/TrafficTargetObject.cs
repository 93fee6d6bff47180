using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>A TrafficTarget of SMI (access.smi-spec.io): who may reach the workloads of a service account, and no one else may.</summary>
/// <param name="Meta">Its metadata.</param>
/// <param name="Account">The service account of its namespace that is the destination; null where that could not be read: all of the namespace.</param>
internal sealed record TrafficTargetObject(ObjectMeta Meta, string? Account) : MeshObject(ObjectKind.TrafficTarget, Meta)
{
    /// <summary>No service account has this name.</summary>
    public const string Nobody = "";

    /// <summary>The only port that is meant, where it names one.</summary>
    public ushort? Port { get; init; }

    /// <summary>The service accounts that may.</summary>
    public EquatableArray<NamespacedName> Sources { get; init; }

    /// <summary>What may be reached; never empty, unless it allows nothing (<see cref="MeshObject.IsStricterReading"/>).</summary>
    public EquatableArray<Rule> Rules { get; init; }

    /// <summary>The SMI routes of its namespace that its rules name, each once.</summary>
    public IEnumerable<ObjectKey> Routes => Rules.Select(r => r.Route).Distinct();

    /// <summary>Whether it allows requests of HTTP only, of what TCP carries.</summary>
    public bool AsksAboutRequests => Rules.Any(r => r.Route.Kind == ObjectKind.HTTPRouteGroup);

    /// <summary>Whether a workload of its namespace is its destination.</summary>
    public bool Selects(WorkloadObject workload) => Account is null || workload.ServiceAccount == Account;

    /// <summary>One rule.</summary>
    /// <param name="Route">An SMI route of the TrafficTarget's namespace.</param>
    /// <param name="Matches">Which matches of an HTTPRouteGroup are meant; empty: each.</param>
    internal sealed record Rule(ObjectKey Route, EquatableArray<string> Matches = default);
}

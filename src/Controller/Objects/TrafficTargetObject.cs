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

    /// <summary>The SMI routes of its namespace that say which ports; never empty, unless it allows nothing (<see cref="MeshObject.IsStricterReading"/>).</summary>
    public EquatableArray<ObjectKey> Routes { get; init; }

    /// <summary>Whether a workload of its namespace is its destination.</summary>
    public bool Selects(WorkloadObject workload) => Account is null || workload.ServiceAccount == Account;
}

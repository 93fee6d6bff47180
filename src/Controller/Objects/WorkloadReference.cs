using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>Workloads that are named together.</summary>
/// <param name="Kind">By what.</param>
/// <param name="Name">The name of that.</param>
internal readonly record struct WorkloadReference(WorkloadReferenceKind Kind, NamespacedName Name) : IComparable<WorkloadReference>
{
    /// <inheritdoc/>
    public int CompareTo(WorkloadReference other) => (Kind, Name).CompareTo((other.Kind, other.Name));

    /// <inheritdoc/>
    public override string ToString() => $"{Kind} {Name}";
}

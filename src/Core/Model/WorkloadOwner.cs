namespace Culvert.Core;

/// <summary>The object that manages a pod, in the pod's namespace. Immutable.</summary>
/// <param name="Kind">Its kind.</param>
/// <param name="Name">Its name.</param>
public sealed record WorkloadOwner(WorkloadOwnerKind Kind, string Name);

using Culvert.Kubernetes.Errors;

namespace Culvert.Kubernetes.Informers;

/// <summary>How up to date an informer is.</summary>
/// <param name="IsSynced">Whether the cache has had all objects once.</param>
/// <param name="IsWatching">Whether the server tells changes now; without it the cache may be out of date.</param>
/// <param name="Error">Why not, or null.</param>
public sealed record InformerState(bool IsSynced, bool IsWatching, ApiException? Error);

using k8s.Models;

namespace Culvert.Kubernetes.Resources;

/// <summary>An object that the server holds and its record does not fit, as may happen to custom objects that an older schema let in.</summary>
/// <param name="Metadata">Its name and version.</param>
/// <param name="Reason">What does not fit, for people; with the path of the field.</param>
public sealed record UnreadableObject(V1ObjectMeta Metadata, string Reason);

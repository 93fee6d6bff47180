using Culvert.Kubernetes.Resources;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>A pod that can't be captured any more, or can be again.</summary>
/// <param name="Pod">The pod.</param>
/// <param name="Uid">Its uid.</param>
/// <param name="Reason">Why it can't be; null: it can.</param>
internal readonly record struct CaptureNews(ResourceName Pod, string Uid, string? Reason);

using Culvert.Kubernetes.Resources;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>A pod that can't be captured any more, or does not get through though it is, or that can or does again.</summary>
/// <param name="Pod">The pod.</param>
/// <param name="Uid">Its uid.</param>
/// <param name="Reason">Why; null: it can, or does.</param>
internal readonly record struct CaptureNews(ResourceName Pod, string Uid, string? Reason)
{
    /// <summary>Whether it is a member that stays guarded, and of which it is told that its packets do not get through.</summary>
    public bool IsBlocked { get; init; }
}

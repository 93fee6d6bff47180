using Culvert.Kubernetes.Resources;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>An object that has a status, as the server told it last.</summary>
/// <param name="Kind">Its kind.</param>
/// <param name="Name">Its name.</param>
/// <param name="Conditions">What its status says.</param>
internal sealed record SeenObject(ApiKind Kind, ResourceName Name, IReadOnlyList<Condition> Conditions)
{
    /// <summary>What a route has besides; null for all else.</summary>
    public SeenRoute? Route { get; init; }

    /// <summary>Takes it from an object.</summary>
    public static SeenObject Of(ApiKind kind, ApiDocument item) => new(kind, item.Metadata.ResourceName, item.Conditions)
    {
        Route = kind.Status == StatusForm.Parents ? new(item.Metadata.ResourceVersion ?? "", item.Metadata.Generation ?? 0, RouteParent.Of(item.Content), item.Parents) : null,
    };
}

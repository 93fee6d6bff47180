namespace Culvert.Controller.Objects;

/// <summary>A node; its zone counts, and its uid.</summary>
internal sealed record NodeObject(ObjectMeta Meta) : MeshObject(ObjectKind.Node, Meta)
{
    /// <summary>Label that names the zone.</summary>
    public const string ZoneLabel = "topology.kubernetes.io/zone";

    /// <summary>The uid that the API server has given it; null: nobody says.</summary>
    public string? Uid { get; init; }

    /// <summary>The zone that it is in; null: nobody says.</summary>
    public string? Zone => Meta.Labels.TryGetValue(ZoneLabel, out string? zone) && zone.Length > 0 ? zone : null;
}

using Culvert.Controller.Documents;
using Culvert.Controller.Objects;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>A Service as a parent of a route.</summary>
/// <param name="Index">Which of the route's parents.</param>
/// <param name="Reference">As it is written.</param>
internal sealed record RouteParent(int Index, ParentReference Reference)
{
    /// <summary>Those of a route; most routes of a cluster have none, and are for Gateways.</summary>
    /// <param name="route">All fields of the route but its status.</param>
    public static IReadOnlyList<RouteParent> Of(MapNode route) =>
        (route.Find("spec") as MapNode)?.Find("parentRefs") is not ListNode parents
            ? []
            : [.. parents.Items.Select((p, i) => new RouteParent(i, Read(p))).Where(p => p.Reference is { Kind: nameof(ObjectKind.Service), Group: "" or "core" })];

    private static ParentReference Read(DocumentNode parent)
    {
        string? Text(string field) => ((parent as MapNode)?.Find(field) as ScalarNode)?.Text;
        return new()
        {
            Group = Text("group"),
            Kind = Text("kind"),
            Namespace = Text("namespace"),
            Name = Text("name"),
            SectionName = Text("sectionName"),
            Port = ((parent as MapNode)?.Find("port") as ScalarNode)?.AsInteger(),
        };
    }
}

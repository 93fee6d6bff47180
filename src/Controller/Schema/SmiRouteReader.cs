using Culvert.Controller.Objects;

namespace Culvert.Controller.Schema;

/// <summary>Reads specs.smi-spec.io TCPRoute and UDPRoute. Before v1alpha4 a TCPRoute has an empty spec and means every port.</summary>
internal static class SmiRouteReader
{
    public static SmiRouteObject? Read(FieldReader root, ObjectKind kind, ObjectMeta meta, bool hasMatches)
    {
        var route = new SmiRouteObject(kind, meta);
        if (root.Map("spec", required: hasMatches) is not { } spec) return root.Has("spec") ? null : route;
        if (hasMatches && spec.Map("matches") is { } matches)
        {
            route = route with { Ports = matches.Ports("ports") };
            matches.Ignore("name");
            matches.Done();
        }
        spec.Done();
        return route;
    }
}

using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads split.smi-spec.io TrafficSplit, v1alpha2 to v1alpha4, without matches: those are of HTTP.</summary>
internal static class TrafficSplitReader
{
    private const int MaxWeight = 1_000_000;

    public static RouteObject? Read(FieldReader root, ObjectMeta meta)
    {
        if (root.Map("spec", required: true) is not { } spec) return null;
        string service = spec.String("service", Names.Subdomain, required: true) ?? "";
        if (!spec.Has("backends")) spec.Fail("backends", "is required");
        RouteObject.Backend[] backends = [.. spec.Maps("backends").Select(ReadBackend)];
        if (spec.Maps("matches", mayBeEmpty: true).Any()) spec.Fail("matches", "is not supported: HTTPRouteGroups tell requests apart, and a TrafficSplit divides connections. Without it all of them are split; requests are divided by an HTTPRoute");
        spec.Done();
        return new(ObjectKind.TrafficSplit, meta) { Parents = [new(service, null, null)], Backends = backends.ToEquatableArray() };
    }

    private static RouteObject.Backend ReadBackend(FieldReader backend)
    {
        string name = backend.String("service", Names.Subdomain, required: true) ?? "";
        int weight = (int)(backend.Integer("weight", 0, MaxWeight, required: true) ?? 0);
        backend.Done();
        return new(name, null, weight);
    }
}

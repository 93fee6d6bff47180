using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads split.smi-spec.io TrafficSplit, v1alpha2 to v1alpha4.</summary>
internal static class TrafficSplitReader
{
    private const int MaxWeight = 1_000_000, MostGroups = 16;

    private const string Specs = "specs.smi-spec.io";

    public static RouteObject? Read(FieldReader root, ObjectMeta meta)
    {
        if (root.Map("spec", required: true) is not { } spec) return null;
        string service = spec.String("service", Names.Subdomain, required: true) ?? "";
        if (!spec.Has("backends")) spec.Fail("backends", "is required");
        RouteObject.Backend[] backends = [.. spec.Maps("backends").Select(ReadBackend)];
        EquatableArray<string> groups = ReadGroups(spec);
        spec.Done();
        return new(ObjectKind.TrafficSplit, meta) { Parents = [new(service, null, null)], Backends = backends.ToEquatableArray(), Groups = groups };
    }

    private static EquatableArray<string> ReadGroups(FieldReader spec)
    {
        FieldReader[] readers = [.. spec.Maps("matches", mayBeEmpty: true)];
        RequestRouteReader.Limit(spec, "matches", readers.Length, MostGroups);
        List<string> groups = [];
        foreach (FieldReader match in readers)
        {
            if (match.String("apiGroup") is { } group and not Specs) match.Fail("apiGroup", $"'{group}' is not {Specs}");
            if (match.String("kind", required: true) is { } kind and not "HTTPRouteGroup") match.Fail("kind", $"'{kind}' is not HTTPRouteGroup");
            groups.Add(match.String("name", Names.Subdomain, required: true) ?? "");
            match.Done();
        }
        return groups.ToEquatableArray();
    }

    private static RouteObject.Backend ReadBackend(FieldReader backend)
    {
        string name = backend.String("service", Names.Subdomain, required: true) ?? "";
        int weight = (int)(backend.Integer("weight", 0, MaxWeight, required: true) ?? 0);
        backend.Done();
        return new(name, null, weight);
    }
}

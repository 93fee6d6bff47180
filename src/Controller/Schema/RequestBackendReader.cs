using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads where the requests of a rule go. Services may be of any namespace: routes of a mesh need no grant for that.</summary>
internal static class RequestBackendReader
{
    private const int Most = 16, MostWeight = 1_000_000;

    public static EquatableArray<HttpRouteBackend> Read(FieldReader rule, ObjectMeta meta, RouteFiltersReader filters)
    {
        FieldReader[] readers = [.. rule.Maps("backendRefs", mayBeEmpty: true)];
        RequestRouteReader.Limit(rule, "backendRefs", readers.Length, Most);
        return readers.Select(r => ReadBackend(r, meta, filters)).ToEquatableArray();
    }

    private static HttpRouteBackend ReadBackend(FieldReader backend, ObjectMeta meta, RouteFiltersReader filters)
    {
        string group = backend.String("group") ?? "", kind = backend.String("kind") ?? "Service";
        bool isService = kind == "Service" && group is "" or "core";
        string ns = backend.String("namespace", Names.Label) ?? meta.Namespace, name = backend.String("name", Names.Subdomain, required: true) ?? "";
        ushort port = backend.Port("port", required: isService) ?? 0;
        int weight = (int)(backend.Integer("weight", 0, MostWeight) ?? 1);
        HttpRouteFilters changes = filters.ReadOfBackend(backend);
        backend.Done();

        // What else the route says is good, and is not to be lost for one of its shares.
        if (!isService) backend.Note("kind", $"{(group.Length == 0 ? kind : $"{group} {kind}")} is not supported, and its share is answered 500; write group: \"\" and kind: Service");
        return new(isService ? new(ns, name) : null, isService ? port : (ushort)0, weight) { Filters = changes };
    }
}

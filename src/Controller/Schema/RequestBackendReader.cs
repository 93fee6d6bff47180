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
        (NamespacedName Service, ushort Port)? service = ReadService(backend, meta, "its share is answered 500");
        int weight = (int)(backend.Integer("weight", 0, MostWeight) ?? 1);
        HttpRouteFilters changes = filters.ReadOfBackend(backend, meta);
        backend.Done();
        return new(service?.Service, service?.Port ?? 0, weight) { Filters = changes };
    }

    /// <summary>Reads a reference to a port of a Service; null where it is to something else, which is warned of.</summary>
    /// <param name="reference">The reference.</param>
    /// <param name="meta">The route's metadata.</param>
    /// <param name="otherwise">What becomes of requests where it is none.</param>
    public static (NamespacedName Service, ushort Port)? ReadService(FieldReader reference, ObjectMeta meta, string otherwise)
    {
        string group = reference.String("group") ?? "", kind = reference.String("kind") ?? "Service";
        bool isService = kind == "Service" && group is "" or "core";
        string ns = reference.String("namespace", Names.Label) ?? meta.Namespace, name = reference.String("name", Names.Subdomain, required: true) ?? "";
        ushort port = reference.Port("port", required: isService) ?? 0;
        if (isService) return (new(ns, name), port);

        // What else the route says is good, and is not to be lost for one of its shares.
        reference.Note("kind", $"{(group.Length == 0 ? kind : $"{group} {kind}")} is not supported, and {otherwise}; write group: \"\" and kind: Service");
        return null;
    }
}

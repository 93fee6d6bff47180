using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads UDPRoute and TCPRoute of gateway.networking.k8s.io (v1, and v1alpha2 of older clusters) whose parents are Services (the mesh use of routes, GAMMA).</summary>
internal static class GatewayRouteReader
{
    private const int MaxWeight = 1_000_000;

    public static RouteObject? Read(FieldReader root, ObjectKind kind, ObjectMeta meta)
    {
        if (root.Map("spec", required: true) is not { } spec) return null;
        if (!spec.Has("parentRefs")) spec.Fail("parentRefs", "is required");
        if (!spec.Has("rules")) spec.Fail("rules", "is required");
        FieldReader[] references = [.. spec.Maps("parentRefs")];

        // A route may have parents beside Services, Gateways above all; what becomes of these others say. One that can't count takes none along that can.
        bool[] isService = [.. references.Select(IsOfService)], isUsable = [.. references.Select((r, i) => isService[i] && (r.String("namespace") is not { } ns || ns == meta.Namespace))];
        List<RouteObject.Parent> parents = [];
        for (int i = 0; i < references.Length; i++)
        {
            if (isUsable.Contains(true) ? isUsable[i] : isService[i] || !isService.Contains(true)) parents.Add(ReadParent(references[i], meta) with { Index = i });
            else if (isService[i]) references[i].Note("namespace", OtherNamespace(references[i].String("namespace"), meta));
        }
        var backends = new List<RouteObject.Backend>();
        FieldReader[] rules = [.. spec.Maps("rules")];
        foreach (FieldReader rule in rules)
        {
            if (!rule.Has("backendRefs")) rule.Fail("backendRefs", "is required");
            backends.AddRange(rule.Maps("backendRefs").Select(b => ReadBackend(b, meta)));
            rule.Ignore("name");
            rule.Done();
        }
        if (rules.Length > 1) spec.Fail("rules", "holds several rules; without matches only one can count");
        spec.Done();
        return new(kind, meta) { Parents = parents.ToEquatableArray(), Backends = backends.ToEquatableArray() };
    }

    private static string OtherNamespace(string? ns, ObjectMeta meta) => $"'{ns}' is another namespace than the route's; only Services of {meta.Namespace} are allowed";

    private static bool IsOfService(FieldReader parent) => parent.String("kind") == "Service" && parent.String("group") is "" or "core";

    private static RouteObject.Parent ReadParent(FieldReader parent, ObjectMeta meta)
    {
        string name = ReadReference(parent, meta, defaultGroup: "gateway.networking.k8s.io", defaultKind: "Gateway");
        ushort? port = parent.Port("port");
        string? section = parent.String("sectionName", Names.Label);
        parent.Done();
        return new(name, port, section);
    }

    private static RouteObject.Backend ReadBackend(FieldReader backend, ObjectMeta meta)
    {
        string name = ReadReference(backend, meta, defaultGroup: "", defaultKind: "Service");
        ushort port = backend.Port("port", required: true) ?? 0;
        int weight = (int)(backend.Integer("weight", 0, MaxWeight) ?? 1);
        backend.Done();
        return new(name, port, weight);
    }

    /// <summary>The name of the Service a reference means. Services of other namespaces would need their owner's grant, which nothing can give here.</summary>
    private static string ReadReference(FieldReader reference, ObjectMeta meta, string defaultGroup, string defaultKind)
    {
        string group = reference.String("group") ?? defaultGroup, kind = reference.String("kind") ?? defaultKind;
        if (kind != "Service" || group is not ("" or "core")) reference.Fail("kind", $"{(group.Length == 0 ? kind : $"{group} {kind}")} is not supported; write group: \"\" and kind: Service");
        if (reference.String("namespace", Names.Label) is { } ns && ns != meta.Namespace) reference.Fail("namespace", OtherNamespace(ns, meta));
        return reference.String("name", Names.Subdomain, required: true) ?? "";
    }
}

using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads the parents of a route of requests that are Services. They may be of another namespace: the route then speaks to clients of its own.</summary>
internal static class RequestRouteParents
{
    private const int Most = 32;

    public static EquatableArray<HttpRouteObject.Parent> Read(FieldReader spec, ObjectMeta meta)
    {
        if (!spec.Has("parentRefs")) spec.Fail("parentRefs", "is required");
        FieldReader[] references = [.. spec.Maps("parentRefs")];
        RequestRouteReader.Limit(spec, "parentRefs", references.Length, Most);

        // A route may have parents beside Services, Gateways above all; what becomes of these others say.
        bool[] isService = [.. references.Select(IsOfService)];
        List<HttpRouteObject.Parent> parents = [];
        for (int i = 0; i < references.Length; i++)
        {
            if (isService[i]) parents.Add(new(i, ReadParent(references[i], meta)));
            else if (!isService.Contains(true)) references[i].Fail("kind", $"{KindOf(references[i])} is not supported; write group: \"\" and kind: Service");
        }
        for (int i = 0; i < parents.Count; i++)
        {
            if (parents.FindIndex(p => p.Reference == parents[i].Reference) < i) references[parents[i].Index].Fail("", "is there twice");
        }
        return parents.ToEquatableArray();
    }

    private static bool IsOfService(FieldReader parent) => parent.String("kind") == "Service" && parent.String("group") is "" or "core";

    private static string KindOf(FieldReader parent)
    {
        string group = parent.String("group") ?? "gateway.networking.k8s.io", kind = parent.String("kind") ?? "Gateway";
        return group.Length == 0 ? kind : $"{group} {kind}";
    }

    private static HttpRouteParent ReadParent(FieldReader parent, ObjectMeta meta)
    {
        string ns = parent.String("namespace", Names.Label) ?? meta.Namespace, name = parent.String("name", Names.Subdomain, required: true) ?? "";
        ushort? port = parent.Port("port");
        string? section = parent.String("sectionName", Names.Label);
        parent.Done();
        return new(new(ns, name), port, section);
    }
}

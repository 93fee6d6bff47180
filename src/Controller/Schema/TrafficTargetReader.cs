using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>
/// Reads access.smi-spec.io TrafficTarget, v1alpha2 and v1alpha3, whose rules are HTTPRouteGroups, TCPRoutes and UDPRoutes. Of one with errors the stricter reading is returned besides: it allows nothing, and what it has for
/// a destination takes no more than other policies allow.
/// </summary>
internal static class TrafficTargetReader
{
    private const int MostGroups = 64;

    public static TrafficTargetObject Read(FieldReader root, ObjectMeta meta, bool hasPort)
    {
        int before = root.ErrorCount;
        var target = new TrafficTargetObject(meta, null) { IsStricterReading = true };
        if (root.Map("spec", required: true) is not { } spec) return target;
        if (spec.Map("destination", required: true) is { } destination)
        {
            NamespacedName? account = ReadAccount(destination, meta);
            bool isElsewhere = account is { } known && known.Namespace != meta.Namespace;
            if (isElsewhere) destination.Fail("namespace", $"'{account!.Value.Namespace}' is another namespace than the TrafficTarget's; who may write here may say who reaches workloads of {meta.Namespace} only");
            target = target with { Account = isElsewhere ? TrafficTargetObject.Nobody : account?.Name };
            if (hasPort) target = target with { Port = destination.Port("port") };
            destination.Done();
        }
        EquatableArray<NamespacedName> sources = ReadSources(spec, meta);
        EquatableArray<TrafficTargetObject.Rule> rules = ReadRules(spec, meta);
        spec.Done();
        return root.ErrorCount > before ? target : target with { Sources = sources, Rules = rules, IsStricterReading = false };
    }

    private static EquatableArray<NamespacedName> ReadSources(FieldReader spec, ObjectMeta meta)
    {
        if (!spec.Has("sources")) spec.Fail("sources", "is required");
        var sources = new List<NamespacedName>();
        foreach (FieldReader source in spec.Maps("sources"))
        {
            if (ReadAccount(source, meta) is { } account) sources.Add(account);
            source.Done();
        }
        return sources.Distinct().ToEquatableArray();
    }

    private static EquatableArray<TrafficTargetObject.Rule> ReadRules(FieldReader spec, ObjectMeta meta)
    {
        if (!spec.Has("rules")) spec.Fail("rules", "is required");
        var rules = new List<TrafficTargetObject.Rule>();
        foreach (FieldReader rule in spec.Maps("rules"))
        {
            string? written = rule.String("kind", required: true);
            ObjectKind? kind = written switch { "TCPRoute" => ObjectKind.SmiTCPRoute, "UDPRoute" => ObjectKind.SmiUDPRoute, "HTTPRouteGroup" => ObjectKind.HTTPRouteGroup, _ => null };
            if (written is not null && kind is null) rule.Fail("kind", $"'{written}' is not one of HTTPRouteGroup, TCPRoute, UDPRoute");
            string? name = rule.String("name", Names.Subdomain, required: true);
            EquatableArray<string> matches = rule.List<string>("matches", static (string text, out string value) => HttpRouteGroupReader.Name(value = text), mayBeEmpty: true);
            if (kind != ObjectKind.HTTPRouteGroup && !matches.IsEmpty) rule.Fail("matches", "belongs to HTTPRouteGroups, which alone have matches to choose from");
            rule.Done();
            if (name is not null && kind is { } known) rules.Add(new(new(known, meta.Namespace, name), matches));
        }
        int groups = rules.Count(r => r.Route.Kind == ObjectKind.HTTPRouteGroup);
        if (groups > MostGroups) spec.Fail("rules", $"has {groups} HTTPRouteGroups; at most {MostGroups} are allowed");
        return rules.ToEquatableArray();
    }

    private static NamespacedName? ReadAccount(FieldReader reader, ObjectMeta meta)
    {
        string? kind = reader.String("kind", required: true);
        if (kind is not (null or "ServiceAccount")) reader.Fail("kind", $"'{kind}' is not supported; ServiceAccount is");
        string? name = reader.String("name", Names.Subdomain, required: true);
        string ns = reader.String("namespace", Names.Label) ?? meta.Namespace;
        return name is null ? null : new(ns, name);
    }
}

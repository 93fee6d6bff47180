using System.Globalization;
using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>
/// Reads specs.smi.nginx.com RateLimit: as one rule for requests to the workloads behind a Service, or for each source one with its part of the rate. NGINX lets one request pass and <c>burst</c> more, of which
/// <c>delay</c> (none where it is not there, all with <c>nodelay</c>) pass at once and the others when they are on time.
/// </summary>
internal static class NginxRateLimitReader
{
    private const int MostSources = 64, MostGroups = 64;

    /// <summary>Reads one.</summary>
    /// <param name="root">The document.</param>
    /// <param name="meta">Its metadata.</param>
    /// <param name="hasRules">Whether its version has <c>rules</c>.</param>
    public static RateLimitObject? Read(FieldReader root, ObjectMeta meta, bool hasRules)
    {
        if (root.Map("spec", required: true) is not { } spec) return null;
        string service = NginxDestination.Read(spec, meta, nameof(ObjectKind.RateLimit));
        EquatableArray<WorkloadReference> sources = ReadSources(spec, meta);
        EquatableArray<TrafficTargetObject.Rule> rules = hasRules ? ReadRules(spec, meta) : [];
        spec.String("name", required: true); // for people
        RateLimit? limit = ReadLimit(spec);
        spec.Done();
        PolicyInfo policy = new()
        {
            Name = RateLimitNames.PolicyOfNginx(meta.FullName),
            Action = PolicyAction.Limit,
            Rules = [new PolicyRule { Limit = limit }],
            SourceReference = meta.SourceReference,
        };
        return new(ObjectKind.NginxRateLimit, meta, policy) { Service = service, Sources = sources, Rules = rules };
    }

    private static EquatableArray<WorkloadReference> ReadSources(FieldReader spec, ObjectMeta meta)
    {
        List<WorkloadReference> sources = [];
        foreach (FieldReader source in spec.Maps("sources"))
        {
            string? written = source.String("kind", required: true);
            bool isKnown = Enum.TryParse(written, out WorkloadReferenceKind kind) && kind.ToString() == written;
            if (written is not null && !isKnown) source.Fail("kind", $"'{written}' is not one of {string.Join(", ", Enum.GetNames<WorkloadReferenceKind>())}");
            string? name = source.String("name", Names.Subdomain, required: true);
            string ns = source.String("namespace", Names.Label) ?? meta.Namespace;
            source.Done();
            if (isKnown && name is not null) sources.Add(new(kind, new NamespacedName(ns, name)));
        }

        EquatableArray<WorkloadReference> distinct = sources.Distinct().ToEquatableArray();
        if (distinct.Count > MostSources) spec.Fail("sources", $"has {distinct.Count} entries; at most {MostSources} are allowed");
        return distinct;
    }

    private static EquatableArray<TrafficTargetObject.Rule> ReadRules(FieldReader spec, ObjectMeta meta)
    {
        List<TrafficTargetObject.Rule> rules = [];
        foreach (FieldReader rule in spec.Maps("rules"))
        {
            if (rule.String("kind", required: true) is { } kind and not nameof(ObjectKind.HTTPRouteGroup)) rule.Fail("kind", $"'{kind}' is not HTTPRouteGroup");
            string? name = rule.String("name", Names.Subdomain, required: true);
            EquatableArray<string> matches = rule.List<string>("matches", static (string text, out string value) => HttpRouteGroupReader.Name(value = text), mayBeEmpty: true);
            rule.Done();
            if (name is not null) rules.Add(new(new(ObjectKind.HTTPRouteGroup, meta.Namespace, name), matches));
        }

        if (rules.Count > MostGroups) spec.Fail("rules", $"has {rules.Count} entries; at most {MostGroups} are allowed");
        return rules.ToEquatableArray();
    }

    // The first request is none of the burst there.
    private static RateLimit? ReadLimit(FieldReader spec)
    {
        (int Requests, int Seconds) rate = spec.Parsed<(int, int)>("rate", RateText.ParseNginx, required: true);
        int burst = (int)(spec.Integer("burst", 0, RateLimit.MostBurst - 1) ?? 0), atOnce = ReadDelay(spec, burst);
        return rate.Requests == 0 ? null : RateLimitReader.Make(spec, rate, burst + 1, atOnce + 1); // told of already
    }

    // How many of the burst need not wait.
    private static int ReadDelay(FieldReader spec, int burst)
    {
        if (spec.Scalar("delay") is not { } delay) return 0;
        if (delay.Text == "nodelay") return burst;
        if (int.TryParse(delay.Text, NumberStyles.None, CultureInfo.InvariantCulture, out int count)) return Math.Min(count, burst);
        spec.Fail("delay", $"'{delay.Text}' is neither a number nor nodelay");
        return burst;
    }
}

using System.Globalization;
using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>
/// Reads specs.smi.nginx.com RateLimit: as one rule for all requests to the workloads behind a Service. NGINX lets one request pass and <c>burst</c> more, of which
/// <c>delay</c> (none where it is not there, all with <c>nodelay</c>) pass at once and the others when they are on time.
/// </summary>
internal static class NginxRateLimitReader
{
    /// <summary>Reads one.</summary>
    /// <param name="root">The document.</param>
    /// <param name="meta">Its metadata.</param>
    /// <param name="hasRules">Whether its version has <c>rules</c>.</param>
    public static RateLimitObject? Read(FieldReader root, ObjectMeta meta, bool hasRules)
    {
        if (root.Map("spec", required: true) is not { } spec) return null;
        string service = NginxDestination.Read(spec, meta, nameof(ObjectKind.RateLimit));
        if (spec.Has("sources")) spec.Fail("sources", "are not supported: a RateLimit of culvert.dev/v1alpha1 tells callers by their identities ('from')");
        if (hasRules && spec.Has("rules")) spec.Fail("rules", "are not supported, and HTTPRouteGroups don't count here: a RateLimit of culvert.dev/v1alpha1 has the conditions itself ('to')");
        spec.Ignore("sources", "rules");
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
        return new(ObjectKind.NginxRateLimit, meta, policy) { Service = service };
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

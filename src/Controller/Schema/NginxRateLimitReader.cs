using System.Globalization;
using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>
/// Reads specs.smi.nginx.com RateLimit: as one rule for all requests to the workloads behind a Service. NGINX lets one request pass and <c>burst</c> more at once. What it would delay passes at once here; what it would
/// refuse is refused.
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
        (int Requests, int Seconds) rate = spec.Parsed<(int, int)>("rate", RateText.ParseNginx, required: true);
        long burst = spec.Integer("burst", 0, RateLimit.MostBurst - 1) ?? 0;
        ReadDelay(spec, burst);
        spec.Done();
        RateLimit? limit = RateLimitReader.Make(spec, rate, burst + 1, RateLimitBy.All, "");
        PolicyInfo policy = new()
        {
            Name = RateLimitNames.PolicyOfNginx(meta.FullName),
            Action = PolicyAction.Limit,
            Rules = [new PolicyRule { Limit = limit }],
            SourceReference = meta.SourceReference,
        };
        return new(ObjectKind.NginxRateLimit, meta, policy) { Service = service };
    }

    private static void ReadDelay(FieldReader spec, long burst)
    {
        bool isDelayed = burst > 0;
        if (spec.Scalar("delay") is { } delay)
        {
            bool isNumber = int.TryParse(delay.Text, NumberStyles.None, CultureInfo.InvariantCulture, out int count);
            if (!isNumber && delay.Text != "nodelay") spec.Fail("delay", $"'{delay.Text}' is neither a number nor nodelay");
            isDelayed = isNumber && count < burst;
        }

        if (isDelayed) spec.Note("burst", "passes at once: requests are not delayed here, as 'delay: nodelay' says; those beyond are answered 429");
    }
}

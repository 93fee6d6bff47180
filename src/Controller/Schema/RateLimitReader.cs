using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads culvert.dev/v1alpha1 RateLimit.</summary>
internal static class RateLimitReader
{
    /// <summary>Most rules of one. Each has a count of its own for each workload.</summary>
    public const int MostRules = 32;

    // Of a rule, among the values of a namespace: nodes keep a count, and perhaps many, for each workload.
    private const int RuleWeight = 64;

    /// <summary>How many values a RateLimit names, as they count in its namespace.</summary>
    /// <remarks>Of one of NGINX Service Mesh each source is a rule, and each group of routes counts as one.</remarks>
    public static int ValuesOf(RateLimitObject limit) => AuthorizationPolicyReader.ValuesOf(limit.Policy) + (RuleWeight * (limit.Policy.Rules.Count + limit.Sources.Count + limit.Rules.Count))
        + limit.Policy.Rules.Sum(r => r.Limit?.Global?.Descriptors.Sum(d => d.Entries.Count) ?? 0);

    public static RateLimitObject? Read(FieldReader root, ObjectMeta meta)
    {
        if (root.Map("spec", required: true) is not { } spec) return null;
        var selector = SelectorReader.Read(spec);
        if (!spec.Has("rules")) spec.Fail("rules", "is required");
        EquatableArray<PolicyRule> rules = spec.Maps("rules").Select(ReadRule).ToEquatableArray();
        if (rules.Count > MostRules) spec.Fail("rules", $"are more than {MostRules}; make several RateLimits of them");
        spec.Done();
        PolicyInfo policy = new() { Name = RateLimitNames.PolicyOf(meta.FullName), Action = PolicyAction.Limit, Rules = rules, SourceReference = meta.SourceReference };
        if (AuthorizationPolicyReader.ValuesOf(policy) > AuthorizationPolicyReader.MostValues) spec.Fail("rules", $"name more than {AuthorizationPolicyReader.MostValues} values in all; make several RateLimits of it");
        return new(ObjectKind.RateLimit, meta, policy) { Selector = selector };
    }

    /// <summary>Puts a limit together; what would have requests wait for longer than nodes do is cut off, with a warning.</summary>
    /// <param name="reader">Whose field <c>burst</c> it is.</param>
    /// <param name="rate">How many requests in how many seconds.</param>
    /// <param name="burst">How many may come at once.</param>
    /// <param name="atOnce">How many of them need not wait, 1 or more.</param>
    public static RateLimit Make(FieldReader reader, (int Requests, int Seconds) rate, int burst, int atOnce)
    {
        RateLimit limit = new() { Requests = rate.Requests, Seconds = rate.Seconds, Burst = burst };
        RateLimit delayed = limit.WithDelayAfter(atOnce);
        if (delayed.Burst < burst) reader.Note("burst", $"would have requests wait for longer than {RateLimit.MostDelay / 1_000_000_000} s at {limit}: of the {burst - atOnce} that would wait, all but {delayed.Burst - atOnce} are answered 429 at once");
        return delayed;
    }

    private static PolicyRule ReadRule(FieldReader rule)
    {
        EquatableArray<PolicySource> from = rule.Maps("from").Select(AuthorizationPolicyReader.ReadSource).ToEquatableArray();
        EquatableArray<PolicyDestination> to = rule.Maps("to").SelectMany(to => AuthorizationPolicyReader.ReadDestinations(to, allows: false)).ToEquatableArray();
        (int Requests, int Seconds) rate = rule.Parsed<(int, int)>("rate", RateText.Parse, required: true);
        CountedTogether together = rule.Enum<CountedTogether>("by") ?? CountedTogether.All;
        string? header = rule.String("header", RequestConditionsReader.HeaderName)?.ToLowerInvariant();
        RateLimitBy by = header is not null ? RateLimitBy.Header : together == CountedTogether.Identity ? RateLimitBy.Identity : RateLimitBy.All;
        RateLimit? limit = ReadLimit(rule, rate);
        GlobalRateLimit? global = GlobalRateLimitReader.Read(rule);
        rule.Done();
        PolicyRule read = new() { From = from, To = to, Limit = limit is null ? null : limit with { By = by, Header = header ?? "", Global = global } };
        return read.AsksAboutTokens ? read with { To = AuthorizationPolicyReader.OfTcp(to) } : read;
    }

    private static RateLimit? ReadLimit(FieldReader rule, (int Requests, int Seconds) rate)
    {
        long? given = rule.Integer("burst", 1, RateLimit.MostBurst), delayAfter = rule.Integer("delayAfter", 1, RateLimit.MostBurst);
        if (rate.Requests == 0) return null; // told of already
        int burst = (int)(given ?? Math.Clamp(rate.Requests / rate.Seconds, 1, RateLimit.MostBurst));
        if (delayAfter >= burst) rule.Note("delayAfter", $"is not less than burst, {burst}: no request waits");
        return Make(rule, rate, burst, (int)(delayAfter ?? burst));
    }
}

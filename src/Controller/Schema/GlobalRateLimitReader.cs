using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads whom a rule of a RateLimit has asked about what its own numbers let pass.</summary>
internal static class GlobalRateLimitReader
{
    /// <summary>Most characters of domains, keys and values.</summary>
    public const int LongestText = 256;

    /// <summary>Reads one.</summary>
    /// <param name="rule">The rule.</param>
    /// <returns>Null where there is none, or it has errors.</returns>
    public static GlobalRateLimit? Read(FieldReader rule)
    {
        if (rule.Map("global") is not { } global) return null;
        int before = rule.ErrorCount;
        (NamespacedName Service, ushort Port)? service = ExternalAuthorizerReader.ReadService(global);
        string? domain = global.String("domain", Text, required: true);
        TimeSpan timeout = global.Parsed<TimeSpan?>("timeout", ExternalAuthorizerReader.Timeout) ?? GlobalRateLimit.DefaultTimeout;
        AuthorizerFailure failure = global.Enum<AuthorizerFailure>("onFailure") ?? AuthorizerFailure.Allow;
        long hits = global.Integer("hits", 1, GlobalRateLimit.MostHits) ?? 1;
        if (!global.Has("descriptors")) global.Fail("descriptors", "is required");
        FieldReader[] readers = [.. global.Maps("descriptors")];
        RequestRouteReader.Limit(global, "descriptors", readers.Length, GlobalRateLimit.MostDescriptors);
        EquatableArray<RateLimitDescriptor> descriptors = readers.Select(ReadDescriptor).ToEquatableArray();
        global.Done();
        if (rule.ErrorCount > before || service is null || domain is null) return null;
        return new()
        {
            Service = service.Value.Service,
            Port = service.Value.Port,
            Domain = domain,
            Timeout = timeout,
            RefusesOnFailure = failure == AuthorizerFailure.Deny,
            Hits = (int)hits,
            Descriptors = descriptors,
        };
    }

    private static RateLimitDescriptor ReadDescriptor(FieldReader descriptor)
    {
        if (!descriptor.Has("entries")) descriptor.Fail("entries", "is required");
        FieldReader[] readers = [.. descriptor.Maps("entries")];
        RequestRouteReader.Limit(descriptor, "entries", readers.Length, RateLimitDescriptor.MostEntries);
        EquatableArray<RateLimitEntry> entries = readers.Select(ReadEntry).OfType<RateLimitEntry>().ToEquatableArray();
        descriptor.Done();
        return new() { Entries = entries };
    }

    private static RateLimitEntry? ReadEntry(FieldReader entry)
    {
        string? key = entry.String("key", Text, required: true), value = entry.String("value", Text);
        string? header = entry.String("header", RequestConditionsReader.HeaderName)?.ToLowerInvariant();
        CallerPart? from = entry.Enum<CallerPart>("from");
        entry.Done();
        if (key is null) return null;
        if (header is not null) return new() { Key = key, From = RateLimitValue.Header, Header = header };
        return from is { } part ? new() { Key = key, From = ValueOf(part) } : new() { Key = key, Value = value ?? "" };
    }

    private static RateLimitValue ValueOf(CallerPart part) => part switch
    {
        CallerPart.Identity => RateLimitValue.Identity,
        CallerPart.Address => RateLimitValue.Address,
        CallerPart.Method => RateLimitValue.Method,
        CallerPart.Host => RateLimitValue.Host,
        _ => RateLimitValue.Path,
    };

    private static string? Text(string text) => text.Length is > 0 and <= LongestText && !text.Any(char.IsControl) ? null : $"must have 1 to {LongestText} characters, and no control characters";
}

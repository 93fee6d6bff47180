using System.Text;
using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads culvert.dev/v1alpha1 RequestAuthentication.</summary>
internal static class RequestAuthenticationReader
{
    /// <summary>Most rules of an object.</summary>
    public const int MostRules = 16;

    /// <summary>Most elements of each list of a rule.</summary>
    public const int MostElements = 32;

    /// <summary>Most characters of an issuer, an audience or the name of a claim.</summary>
    public const int LongestText = 512;

    /// <summary>Most characters of a URL.</summary>
    public const int LongestUri = 2048;

    /// <summary>Most minutes of <c>clockSkew</c>.</summary>
    public const int MostSkewMinutes = 10;

    private static readonly JwtHeader DefaultHeader = new("authorization", "Bearer ");

    /// <summary>How many values an object names, by which those of a namespace are counted. Behind a URL are as many keys as may be.</summary>
    public static int ValuesOf(RequestAuthenticationInfo authentication) =>
        authentication.Rules.Sum(r => 1 + r.Audiences.Count + r.Keys.Count + (r.KeysUri is null ? 0 : JsonWebKeys.MostKeys) + r.Headers.Count + r.Parameters.Count + r.ClaimHeaders.Count);

    public static RequestAuthenticationObject? Read(FieldReader root, ObjectMeta meta)
    {
        if (root.Map("spec", required: true) is not { } spec) return null;
        var selector = SelectorReader.Read(spec);
        FieldReader[] readers = [.. spec.Maps("jwtRules")];
        if (!spec.Has("jwtRules")) spec.Fail("jwtRules", "is required: it says whose tokens are taken");
        RequestRouteReader.Limit(spec, "jwtRules", readers.Length, MostRules);
        EquatableArray<JwtRule> rules = readers.Select(ReadRule).OfType<JwtRule>().ToEquatableArray();
        spec.Done();
        return new(meta, new RequestAuthenticationInfo { Name = meta.FullName, Rules = rules, SourceReference = meta.SourceReference }) { Selector = selector };
    }

    private static JwtRule? ReadRule(FieldReader rule)
    {
        string? issuer = rule.String("issuer", Plain, required: true);
        EquatableArray<string> audiences = rule.List<string>("audiences", Plain), parameters = rule.List<string>("fromParams", Parameter);
        (EquatableArray<JwtKey> keys, string? uri) = ReadKeys(rule);
        EquatableArray<JwtHeader> headers = rule.Maps("fromHeaders").Select(ReadHeader).OfType<JwtHeader>().ToEquatableArray();
        bool isPlaceGiven = rule.Has("fromHeaders") || rule.Has("fromParams");
        EquatableArray<ClaimHeader> claims = rule.Maps("outputClaimToHeaders").Select(ReadClaimHeader).OfType<ClaimHeader>().ToEquatableArray();
        JwtRule read = new()
        {
            Issuer = issuer ?? "",
            Audiences = audiences,
            KeysUri = uri,
            Keys = keys,
            Algorithms = rule.List<JwtAlgorithm>("algorithms", Algorithm).Distinct().ToEquatableArray(),
            Headers = isPlaceGiven ? headers : [DefaultHeader],
            Parameters = parameters,
            ForwardsToken = rule.Bool("forwardOriginalToken") ?? false,
            ClaimHeaders = claims,
            ClockSkew = rule.Parsed<TimeSpan?>("clockSkew", Skew) ?? JwtRule.DefaultClockSkew,
        };
        rule.Done();
        foreach ((string list, int count) in new[] { ("audiences", audiences.Count), ("fromParams", parameters.Count), ("fromHeaders", headers.Count), ("outputClaimToHeaders", claims.Count) }) RequestRouteReader.Limit(rule, list, count, MostElements);
        if (claims.FirstOrDefault(c => read.Headers.Any(h => h.Name == c.Header)) is { } both) rule.Fail("outputClaimToHeaders", $"'{both.Header}' is where tokens stand");
        if (claims.GroupBy(c => c.Header).FirstOrDefault(g => g.Count() > 1) is { } twice) rule.Fail("outputClaimToHeaders", $"'{twice.Key}' is there twice");
        return issuer is null ? null : read;
    }

    private static (EquatableArray<JwtKey> Keys, string? Uri) ReadKeys(FieldReader rule)
    {
        string? jwks = rule.String("jwks"), uri = rule.String("jwksUri", Uri);
        if (!rule.Has("jwks") && !rule.Has("jwksUri")) rule.Fail("", "has neither jwks nor jwksUri: one of the two says which the issuer's keys are (they are not looked for at the issuer)");
        if (jwks is null) return ([], uri);
        if (JsonWebKeys.TryRead(Encoding.UTF8.GetBytes(jwks), out EquatableArray<JwtKey> keys, out EquatableArray<string> passedOver) is { } error) rule.Fail("jwks", error);
        else if (!passedOver.IsEmpty) rule.Note("jwks", $"{passedOver[0]}, and is passed over");
        return (keys, uri);
    }

    private static JwtHeader? ReadHeader(FieldReader header)
    {
        string? name = header.String("name", RequestConditionsReader.HeaderName, required: true), prefix = header.String("prefix", Prefix);
        header.Done();
        return name is null ? null : new JwtHeader(name.ToLowerInvariant(), prefix ?? "");
    }

    private static ClaimHeader? ReadClaimHeader(FieldReader claim)
    {
        string? header = claim.String("header", ClaimHeaderName, required: true), name = claim.String("claim", Plain, required: true);
        claim.Done();
        return header is null || name is null ? null : new ClaimHeader(header.ToLowerInvariant(), name);
    }

    // With '_' for '-' it is the same name to many applications, and what clients send by either is removed.
    private static string? ClaimHeaderName(string text) => RequestConditionsReader.HeaderName(text) ?? ReservedName(text, text.Replace('_', '-'));

    private static string? ReservedName(string text, string name) => RequestConditionsReader.HeaderName(name) ?? name.ToLowerInvariant() switch
    {
        "content-length" or "content-type" or "content-encoding" or "authorization" or "forwarded" or "x-forwarded-for" => $"'{text}' has a meaning of its own; take another name, such as x-jwt-claim-sub",
        _ => null,
    };

    // What errors and answers quote.
    private static string? Plain(string text) => text.Length is 0 or > LongestText || text.AsSpan().ContainsAnyExceptInRange(' ', '~') || text.Contains('"', StringComparison.Ordinal)
        ? $"must be 1 to {LongestText} characters of printable ASCII without quotation marks" : null;

    private static string? Plain(string text, out string value)
    {
        value = text;
        return Plain(text);
    }

    private static string? Prefix(string text) => text.Length <= LongestText && !text.AsSpan().ContainsAnyExceptInRange(' ', '~') ? null : $"must be at most {LongestText} characters of printable ASCII";

    private static string? Parameter(string text, out string value)
    {
        value = text;
        return RouteHeaders.Name(text);
    }

    private static string? Algorithm(string text, out JwtAlgorithm algorithm) => JwtReader.TryParseAlgorithm(text, out algorithm) ? null : text switch
    {
        "none" => "'none' is no signature",
        "HS256" or "HS384" or "HS512" => $"'{text}' is signed with a secret, which whoever checks tokens could sign with, too; it is not taken",
        "EdDSA" or "Ed25519" => $"'{text}' is not supported",
        _ => $"'{text}' is not one of {string.Join(", ", Enum.GetNames<JwtAlgorithm>())}",
    };

    private static string? Skew(string text, out TimeSpan? skew)
    {
        string? error = Durations.ParseOfGateway(text, out TimeSpan read);
        skew = read;
        return error ?? (read <= TimeSpan.FromMinutes(MostSkewMinutes) ? null : $"'{text}' is more than {MostSkewMinutes}m");
    }

    private static string? Uri(string text) =>
        text.Length <= LongestUri && System.Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) && (uri.Scheme == System.Uri.UriSchemeHttp || uri.Scheme == System.Uri.UriSchemeHttps) && uri.UserInfo.Length == 0 && uri.Host.Length > 0
            ? null : $"'{(text.Length <= 80 ? text : text[..80])}' is not a URL of http or https without a user's name in it";
}

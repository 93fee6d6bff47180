using Culvert.Core;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Wire = Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>What is said about tokens of requests, between model and wire.</summary>
public static class RequestAuthenticationMapping
{
    private static readonly TimeSpan MostSkew = TimeSpan.FromMinutes(10);

    /// <summary>The wire form.</summary>
    public static Wire.RequestAuthentication ToWire(this RequestAuthenticationInfo authentication)
    {
        var wire = new Wire.RequestAuthentication { Namespace = authentication.Name.Namespace, Name = authentication.Name.Name, SourceReference = authentication.SourceReference };
        wire.Rules.AddRange(authentication.Rules.Select(ToWire));
        return wire;
    }

    /// <summary>The model.</summary>
    /// <exception cref="FormatException">A field holds a value that is not allowed.</exception>
    public static RequestAuthenticationInfo ToModel(this Wire.RequestAuthentication authentication) => new()
    {
        Name = FieldMapping.ToName(authentication.Namespace, authentication.Name),
        SourceReference = authentication.SourceReference,
        Rules = authentication.Rules.Select(ToModel).ToEquatableArray(),
    };

    private static Wire.JwtRule ToWire(JwtRule rule)
    {
        var wire = new Wire.JwtRule { Issuer = rule.Issuer, KeysUri = rule.KeysUri ?? "", ForwardsToken = rule.ForwardsToken, ClockSkew = Duration.FromTimeSpan(rule.ClockSkew) };
        wire.Audiences.AddRange(rule.Audiences);
        wire.Keys.AddRange(rule.Keys.Select(k => ToWire(k, isFromUri: false)));
        wire.Keys.AddRange(rule.UriKeys.Select(k => ToWire(k, isFromUri: true)));
        wire.Algorithms.AddRange(rule.Algorithms.Select(a => (Wire.JwtAlgorithm)a));
        wire.Headers.AddRange(rule.Headers.Select(h => new Wire.JwtHeader { Name = h.Name, Prefix = h.Prefix }));
        wire.Parameters.AddRange(rule.Parameters);
        wire.ClaimHeaders.AddRange(rule.ClaimHeaders.Select(h => new Wire.ClaimHeader { Header = h.Header, Claim = h.Claim }));
        return wire;
    }

    /// <summary>The wire form of a key.</summary>
    /// <param name="key">The key.</param>
    /// <param name="isFromUri">Whether it was read from a URL.</param>
    internal static Wire.JwtKey ToWire(JwtKey key, bool isFromUri = false)
    {
        var wire = new Wire.JwtKey { KeyId = key.KeyId ?? "", PublicKey = ByteString.CopyFrom(key.PublicKey.AsSpan()), IsFromUri = isFromUri };
        wire.Algorithms.AddRange(key.Algorithms.Select(a => (Wire.JwtAlgorithm)a));
        return wire;
    }

    private static JwtRule ToModel(Wire.JwtRule rule)
    {
        TimeSpan skew = rule.ClockSkew?.ToTimeSpan() ?? JwtRule.DefaultClockSkew;
        if (skew < TimeSpan.Zero || skew > MostSkew) throw new FormatException($"clock_skew is {skew}, and may be 0 to 10 minutes");
        return new JwtRule
        {
            Issuer = FieldMapping.Required(rule.Issuer, "rules.issuer"),
            Audiences = rule.Audiences.ToEquatableArray(),
            KeysUri = rule.KeysUri.NullIfEmpty(),
            Keys = rule.Keys.Where(k => !k.IsFromUri).Select(ToModel).ToEquatableArray(),
            UriKeys = rule.Keys.Where(k => k.IsFromUri).Select(ToModel).ToEquatableArray(),
            Algorithms = rule.Algorithms.Select(ToModel).ToEquatableArray(),
            Headers = rule.Headers.Select(h => new JwtHeader(FieldMapping.Required(h.Name, "rules.headers.name"), h.Prefix)).ToEquatableArray(),
            Parameters = rule.Parameters.ToEquatableArray(),
            ForwardsToken = rule.ForwardsToken,
            ClaimHeaders = rule.ClaimHeaders.Select(h => new ClaimHeader(FieldMapping.Required(h.Header, "rules.claim_headers.header"), FieldMapping.Required(h.Claim, "rules.claim_headers.claim"))).ToEquatableArray(),
            ClockSkew = skew,
        };
    }

    /// <summary>The model of a key.</summary>
    /// <exception cref="FormatException">It can't be used.</exception>
    internal static JwtKey ToModel(Wire.JwtKey key)
    {
        JwtKey model = new() { KeyId = key.KeyId.NullIfEmpty(), Algorithms = key.Algorithms.Select(ToModel).ToEquatableArray(), PublicKey = key.PublicKey.ToByteArray().ToEquatableArray() };
        model.Validate();
        return model;
    }

    private static JwtAlgorithm ToModel(Wire.JwtAlgorithm algorithm) => System.Enum.IsDefined((JwtAlgorithm)algorithm) ? (JwtAlgorithm)algorithm : throw new FormatException($"algorithm {algorithm} is not known");
}

using Culvert.Core;
using Wire = Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>Conditions on tokens of requests between model and wire.</summary>
internal static class TokenConditionsMapping
{
    /// <summary>The wire form.</summary>
    internal static Wire.TokenConditions ToWire(this TokenConditions conditions)
    {
        var wire = new Wire.TokenConditions();
        wire.Principals.AddRange(conditions.Principals.Select(p => p.Text));
        wire.NotPrincipals.AddRange(conditions.NotPrincipals.Select(p => p.Text));
        return wire;
    }

    /// <summary>The wire form.</summary>
    internal static Wire.ClaimCondition ToWire(this ClaimCondition condition)
    {
        var wire = new Wire.ClaimCondition();
        wire.Path.AddRange(condition.Path);
        wire.Values.AddRange(condition.Values.Select(p => p.Text));
        wire.NotValues.AddRange(condition.NotValues.Select(p => p.Text));
        return wire;
    }

    /// <summary>The model.</summary>
    /// <exception cref="FormatException">A field holds a value that is not allowed.</exception>
    internal static TokenConditions ToModel(this Wire.TokenConditions conditions) => new() { Principals = ToPatterns(conditions.Principals), NotPrincipals = ToPatterns(conditions.NotPrincipals) };

    /// <summary>The model.</summary>
    /// <exception cref="FormatException">A field holds a value that is not allowed.</exception>
    internal static ClaimCondition ToModel(this Wire.ClaimCondition condition) => new() { Path = condition.Path.ToEquatableArray(), Values = ToPatterns(condition.Values), NotValues = ToPatterns(condition.NotValues) };

    private static EquatableArray<StringPattern> ToPatterns(IEnumerable<string> patterns) => patterns.Select(StringPattern.Parse).ToEquatableArray();
}

namespace Culvert.Core;

/// <summary>A claim of a token: texts, or further claims. Immutable.</summary>
public sealed class JwtClaim
{
    private readonly Dictionary<string, JwtClaim>? _members;

    internal JwtClaim(string[] values) => Values = values;

    internal JwtClaim(Dictionary<string, JwtClaim> members) => (_members, Values) = (members, []);

    /// <summary>Its texts: one of a text, number or truth value; of a list, those of its elements that are such; none of others.</summary>
    public IReadOnlyList<string> Values { get; }

    /// <summary>It as it is written, if it is one text, number or truth value; null otherwise.</summary>
    internal string? Text { get; init; }

    /// <summary>Whether it is a list.</summary>
    internal bool IsList { get; init; }

    /// <summary>The claims within it, by name.</summary>
    internal IEnumerable<KeyValuePair<string, JwtClaim>> Members => _members ?? [];

    /// <summary>A claim within it; null: there is none.</summary>
    public JwtClaim? Find(string name) => _members?.GetValueOrDefault(name);
}

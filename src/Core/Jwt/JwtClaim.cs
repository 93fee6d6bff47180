namespace Culvert.Core;

/// <summary>A claim of a token: texts, or further claims. Immutable.</summary>
public sealed class JwtClaim
{
    private readonly Dictionary<string, JwtClaim>? _members;

    internal JwtClaim(string[] values) => Values = values;

    internal JwtClaim(Dictionary<string, JwtClaim> members) => (_members, Values) = (members, []);

    /// <summary>Its texts: one of a text, number or truth value; of a list, those of its elements that are such; none of others.</summary>
    public IReadOnlyList<string> Values { get; }

    /// <summary>A claim within it; null: there is none.</summary>
    public JwtClaim? Find(string name) => _members?.GetValueOrDefault(name);
}

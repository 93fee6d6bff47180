namespace Culvert.Core;

/// <summary>Which tokens of one issuer are taken, and where they stand.</summary>
public sealed record JwtRule
{
    /// <summary>How far clocks may differ where nothing is said.</summary>
    public static readonly TimeSpan DefaultClockSkew = TimeSpan.FromMinutes(1);

    /// <summary>The issuer, exactly as <c>iss</c> has it.</summary>
    public required string Issuer { get; init; }

    /// <summary>For whom tokens may be meant; empty: for whomever.</summary>
    public EquatableArray<string> Audiences { get; init; }

    /// <summary>Where the keys are; null: they are written in the object.</summary>
    public string? KeysUri { get; init; }

    /// <summary>The issuer's keys that the object says itself.</summary>
    public EquatableArray<JwtKey> Keys { get; init; }

    /// <summary>Those that were read from <see cref="KeysUri"/>; empty: none could be yet. Where there are none of either kind no token is good.</summary>
    public EquatableArray<JwtKey> UriKeys { get; init; }

    /// <summary>The algorithms that are taken; empty: all that the keys are for.</summary>
    public EquatableArray<JwtAlgorithm> Algorithms { get; init; }

    /// <summary>Headers in which tokens stand.</summary>
    public EquatableArray<JwtHeader> Headers { get; init; }

    /// <summary>Parameters of the query in which tokens stand.</summary>
    public EquatableArray<string> Parameters { get; init; }

    /// <summary>Whether the application gets the token; otherwise it is removed.</summary>
    public bool ForwardsToken { get; init; }

    /// <summary>Headers in which the application gets claims.</summary>
    public EquatableArray<ClaimHeader> ClaimHeaders { get; init; }

    /// <summary>How far the issuer's clock and this node's may differ; 0 to 10 minutes.</summary>
    public TimeSpan ClockSkew { get; init; } = DefaultClockSkew;

    /// <summary>Whether any key is known.</summary>
    public bool HasKeys => !Keys.IsEmpty || !UriKeys.IsEmpty;

    /// <summary>Whether another says the same but for keys.</summary>
    internal bool IsSameButForKeys(JwtRule other) => this with { Keys = [], UriKeys = [] } == other with { Keys = [], UriKeys = [] };
}

namespace Culvert.Core;

/// <summary>A part of a <see cref="RateLimitDescriptor"/>.</summary>
public sealed record RateLimitEntry
{
    /// <summary>What the service calls it.</summary>
    public required string Key { get; init; }

    /// <summary>Where its value comes from.</summary>
    public RateLimitValue From { get; init; }

    /// <summary>The value, where it is always the same.</summary>
    public string Value { get; init; } = "";

    /// <summary>The header that has it, in lower case; empty unless <see cref="From"/> says so.</summary>
    public string Header { get; init; } = "";
}

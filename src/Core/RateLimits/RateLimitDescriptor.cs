namespace Culvert.Core;

/// <summary>What requests have in common that a rate limit service counts together.</summary>
public sealed record RateLimitDescriptor
{
    /// <summary>Most of its entries.</summary>
    public const int MostEntries = 16;

    /// <summary>Its parts, in the order that the service is told; one at least.</summary>
    public EquatableArray<RateLimitEntry> Entries { get; init; }

    /// <summary>Whether it has as many as it may.</summary>
    public bool IsValid => Entries.Count is > 0 and <= MostEntries && Entries.All(e => e.Key.Length > 0 && (e.From == RateLimitValue.Header) == (e.Header.Length > 0));
}

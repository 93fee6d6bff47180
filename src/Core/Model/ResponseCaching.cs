namespace Culvert.Core;

/// <summary>That answers of a Service to requests of HTTP are kept for others at the nodes of its pods, and which.</summary>
public sealed record ResponseCaching
{
    /// <summary>Most bytes of a body that is kept: 1 to <see cref="MostResponseBytes"/>.</summary>
    public int MaxResponseBytes { get; init; } = DefaultResponseBytes;

    /// <summary>The paths whose answers are kept; empty: all.</summary>
    public EquatableArray<PathPattern> Paths { get; init; }

    /// <summary>The most that <see cref="MaxResponseBytes"/> may be, and what it is where nothing is said.</summary>
    public const int MostResponseBytes = 1 << 20, DefaultResponseBytes = 64 << 10;

    /// <summary>The most paths that may be named.</summary>
    public const int MostPaths = 64;

    /// <summary>Whether the numbers are in their ranges.</summary>
    public bool IsValid => MaxResponseBytes is >= 1 and <= MostResponseBytes && Paths.Count <= MostPaths;

    /// <summary>Whether answers to requests with a path are kept. One that servers could take for another is none of these, whatever is named: what is kept under one name must not be the answer to another.</summary>
    /// <param name="path">The path, without its query.</param>
    public bool Covers(ReadOnlySpan<byte> path)
    {
        if (!HttpPath.IsPlain(path)) return false;
        if (Paths.IsEmpty) return true;
        foreach (PathPattern pattern in Paths)
        {
            if (pattern.Matches(path)) return true;
        }
        return false;
    }
}

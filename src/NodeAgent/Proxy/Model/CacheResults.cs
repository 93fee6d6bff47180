namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>What people read of <see cref="CacheResult"/>.</summary>
internal static class CacheResults
{
    private static readonly string?[] Labels = [null, .. Enum.GetNames<CacheResult>().Skip(1).Select(n => n.ToLowerInvariant())];

    /// <summary>How many there are.</summary>
    internal static int Count => Labels.Length;

    /// <summary>The word for one; null: there is nothing to say.</summary>
    internal static string? LabelOf(CacheResult result) => Labels[(int)result];
}

using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads which responses a TrafficPolicy has kept (<c>responseCache</c>).</summary>
internal static class ResponseCacheReader
{
    /// <summary>Reads it; null: nothing is said.</summary>
    public static ResponseCaching? Read(FieldReader spec)
    {
        if (spec.Map("responseCache") is not { } reader) return null;
        long bytes = reader.Integer("maxResponseBytes", 1, ResponseCaching.MostResponseBytes) ?? ResponseCaching.DefaultResponseBytes;
        EquatableArray<PathPattern> paths = reader.List<PathPattern>("paths", Path);
        if (paths.Count > ResponseCaching.MostPaths) reader.Fail("paths", $"has {paths.Count} entries; {ResponseCaching.MostPaths} at most");
        reader.Done();
        return new ResponseCaching { MaxResponseBytes = (int)bytes, Paths = paths };
    }

    private static string? Path(string text, out PathPattern pattern) => PathPattern.TryParse(text, out pattern, out string? error) ? null : error;
}

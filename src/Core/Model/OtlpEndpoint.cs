using System.Diagnostics.CodeAnalysis;

namespace Culvert.Core;

/// <summary>The URL of a collector that takes spans by OTLP over HTTP.</summary>
public static class OtlpEndpoint
{
    /// <summary>Most characters.</summary>
    public const int MostCharacters = 2048;

    // OTLP, section "OTLP/HTTP request": the path for traces where none is given.
    private const string Traces = "/v1/traces";

    /// <summary>Reads one; without a path it gets that of traces.</summary>
    /// <param name="text">The text.</param>
    /// <param name="endpoint">Where spans go.</param>
    /// <returns>What is wrong with it, or null.</returns>
    public static string? Parse(string text, out Uri? endpoint)
    {
        ArgumentNullException.ThrowIfNull(text);
        endpoint = null;
        if (text.Length > MostCharacters) return $"is longer than {MostCharacters} characters";
        if (!TryRead(text, out Uri? uri)) return $"'{text}' is not an URL such as http://otel-collector.observability:4318";
        endpoint = uri.AbsolutePath == "/" ? new Uri(uri, Traces) : uri;
        return null;
    }

    private static bool TryRead(string text, [NotNullWhen(true)] out Uri? uri) =>
        Uri.TryCreate(text, UriKind.Absolute, out uri) && uri.Scheme is "http" or "https"
        && uri.Host.Length > 0 && uri.UserInfo.Length == 0 && uri.Query.Length == 0 && uri.Fragment.Length == 0;
}

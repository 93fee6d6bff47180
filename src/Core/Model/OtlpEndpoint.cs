using System.Diagnostics.CodeAnalysis;

namespace Culvert.Core;

/// <summary>The URL of a collector that takes spans by OTLP: over HTTP (<c>http</c>, <c>https</c>), or over gRPC in plaintext (<c>grpc</c>) or TLS (<c>grpcs</c>).</summary>
public static class OtlpEndpoint
{
    /// <summary>Most characters.</summary>
    public const int MostCharacters = 2048;

    // OTLP, section "OTLP/HTTP request": the path for traces where none is given.
    private const string Traces = "/v1/traces";

    // OTLP, section "OTLP/gRPC Default Port".
    private const int GrpcPort = 4317;

    /// <summary>Reads one; over HTTP it gets the path of traces where it has none, over gRPC the usual port.</summary>
    /// <param name="text">The text.</param>
    /// <param name="endpoint">Where spans go.</param>
    /// <returns>What is wrong with it, or null.</returns>
    public static string? Parse(string text, out Uri? endpoint)
    {
        ArgumentNullException.ThrowIfNull(text);
        endpoint = null;
        if (text.Length > MostCharacters) return $"is longer than {MostCharacters} characters";
        if (!TryRead(text, out Uri? uri)) return $"'{text}' is not an URL such as http://otel-collector.observability:4318 or grpc://otel-collector.observability:4317";
        if (IsGrpc(uri) && uri.AbsolutePath is not ("" or "/")) return $"'{text}' has a path, which there is none of in gRPC";
        endpoint = IsGrpc(uri) ? (uri.Port > 0 ? uri : new UriBuilder(uri) { Port = GrpcPort }.Uri) : uri.AbsolutePath == "/" ? new Uri(uri, Traces) : uri;
        return null;
    }

    /// <summary>Whether it is one of gRPC.</summary>
    public static bool IsGrpc(Uri endpoint)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        return endpoint.Scheme is "grpc" or "grpcs";
    }

    private static bool TryRead(string text, [NotNullWhen(true)] out Uri? uri) =>
        Uri.TryCreate(text, UriKind.Absolute, out uri) && uri.Scheme is "http" or "https" or "grpc" or "grpcs"
        && uri.Host.Length > 0 && uri.UserInfo.Length == 0 && uri.Query.Length == 0 && uri.Fragment.Length == 0;
}

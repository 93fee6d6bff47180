namespace Culvert.Core;

/// <summary>Which application protocols are HTTP.</summary>
public static class HttpKinds
{
    /// <summary>Whether routes of requests can hold for a port: it says that it speaks HTTP, or nothing.</summary>
    /// <param name="applicationProtocol">What it speaks, as a Service declares it; null: nobody says.</param>
    public static bool MayBe(string? applicationProtocol) => applicationProtocol is null || Of(applicationProtocol) != HttpKind.None;

    /// <summary>By which version of HTTP a port is read.</summary>
    /// <param name="applicationProtocol">What it speaks, as a Service declares it; null: nobody says.</param>
    public static HttpKind Of(string? applicationProtocol) => applicationProtocol switch
    {
        "http" or "kubernetes.io/ws" => HttpKind.Http1,
        "kubernetes.io/h2c" or "http2" or "grpc" => HttpKind.Http2,
        _ => HttpKind.None,
    };
}

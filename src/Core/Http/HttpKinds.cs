namespace Culvert.Core;

/// <summary>Which application protocols are HTTP.</summary>
public static class HttpKinds
{
    /// <summary>Whether routes of requests can hold for a port: it says that it speaks HTTP, or nothing.</summary>
    /// <param name="applicationProtocol">What it speaks, as a Service declares it; null: nobody says.</param>
    public static bool MayBe(string? applicationProtocol) => applicationProtocol is null || Of(applicationProtocol) != HttpKind.None;

    /// <summary>By which version of HTTP a port is read.</summary>
    /// <param name="applicationProtocol">What it speaks, as a Service declares it, in capitals or small letters; null: nobody says.</param>
    public static HttpKind Of(string? applicationProtocol)
    {
        if (Is("http") || Is("kubernetes.io/ws")) return HttpKind.Http1;
        return Is("kubernetes.io/h2c") || Is("http2") || Is("grpc") ? HttpKind.Http2 : HttpKind.None;

        bool Is(string name) => name.Equals(applicationProtocol, StringComparison.OrdinalIgnoreCase); // what is asked for each request allocates nothing
    }
}

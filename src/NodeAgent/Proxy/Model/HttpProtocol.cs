namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>Versions of HTTP by the names that logs have for them.</summary>
internal static class HttpProtocol
{
    internal const string Http10 = "HTTP/1.0";

    internal const string Http11 = "HTTP/1.1";

    internal const string Http2 = "HTTP/2";
}

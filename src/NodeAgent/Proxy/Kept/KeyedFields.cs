using Culvert.Core;
using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Kept;

/// <summary>
/// The fields of requests that count as host and path do, whether a response says that it varies by them or not: applications make links and redirects of them, which others must not get, and often do not say so. Who the client is, where
/// the mesh tells it, is among them. The addresses of clients are not (<c>x-forwarded-for</c>): no response would be found again.
/// </summary>
internal static class KeyedFields
{
    private static readonly HeaderNames Names = new(
    [
        "forwarded", "front-end-https", "x-base-url", "x-envoy-original-path", "x-forward-host", "x-forwarded-by", "x-forwarded-client-cert", "x-forwarded-host", "x-forwarded-path", "x-forwarded-port", "x-forwarded-prefix", "x-forwarded-proto", "x-forwarded-protocol", "x-forwarded-scheme", "x-forwarded-server",
        "x-forwarded-ssl", "x-forwarded-uri", "x-forwarded-url", "x-forwarded.host", "x-host", "x-http-destinationurl", "x-http-host-override", "x-original-host", "x-original-uri", "x-original-url", "x-rewrite-url", "x-scheme", "x-script-name", "x-url-scheme",
    ]);

    /// <summary>Finds them.</summary>
    /// <param name="request">The request's head, as its server would get it.</param>
    /// <param name="into">Where to, with the scheme in front.</param>
    internal static void Find(HeaderList request, HeaderList into)
    {
        into.Clear();
        into.Add(":scheme"u8, request.Scheme.IsEmpty ? "http"u8 : request.Scheme);
        for (int i = 0; i < request.Count; i++)
        {
            HeaderView field = request[i];
            if (Names.Has(field.Name)) into.Add(field.Name, field.Value);
        }
    }
}

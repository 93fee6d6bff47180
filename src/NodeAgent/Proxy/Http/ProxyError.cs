using System.Text;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Reasons;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>Why the proxy answers in the server's place: the names of errors in the field <c>proxy-status</c> (RFC 9209, section 2.3).</summary>
internal static class ProxyError
{
    /// <summary>The request is not one.</summary>
    internal const string Request = "http_request_error";

    /// <summary>The response is not one.</summary>
    internal const string Protocol = "http_protocol_error";

    /// <summary>The server has ended before it had answered.</summary>
    internal const string Incomplete = "http_response_incomplete";

    /// <summary>The connection to the server broke before it had answered.</summary>
    internal const string Terminated = "connection_terminated";

    /// <summary>Policy forbids the request.</summary>
    internal const string Denied = "http_request_denied";

    /// <summary>No route has the request.</summary>
    internal const string NotFound = "destination_not_found";

    /// <summary>A route can't be followed.</summary>
    internal const string Configuration = "proxy_configuration_error";

    /// <summary>There are as many connections, or requests, as there may be.</summary>
    internal const string ConnectionLimit = "connection_limit_reached";

    /// <summary>A route gives the server no more time.</summary>
    internal const string ResponseTimeout = "http_response_timeout";

    /// <summary>The proxy was told to answer, and has asked no server.</summary>
    internal const string Injected = "proxy_internal_response";

    /// <summary>Adds what every answer of the proxy has: <c>date</c> and <c>proxy-status</c>; of one about a token <c>www-authenticate</c> besides (RFC 6750, section 3), and of an external authorizer's what that has said.</summary>
    /// <param name="fields">Where to.</param>
    /// <param name="refusal">What it says.</param>
    /// <param name="now">When.</param>
    /// <returns>The fields.</returns>
    internal static HeaderList AddTo(HeaderList fields, RequestRefusal refusal, DateTimeOffset now)
    {
        if (refusal.Denied is { } denied)
        {
            fields.AddRange(denied.Fields);
            fields.Remove("date"u8);
            fields.Remove("proxy-status"u8);
        }
        else if (refusal.Status == 401) fields.Add("www-authenticate"u8, Encoding.ASCII.GetBytes($"Bearer error=\"invalid_token\", error_description=\"{refusal.Details}\""));
        return fields
            .AddDate(now)
            .Add("proxy-status"u8, Encoding.ASCII.GetBytes($"culvert; error={refusal.Error}; details=\"{refusal.Details}\""));
    }

    /// <summary>Reads what a proxy of the mesh has said in place of a server. It may be that server's own word.</summary>
    /// <param name="fields">A response's head.</param>
    /// <param name="error">What kind of error, and what follows.</param>
    /// <returns>False where it says nothing.</returns>
    internal static bool TryRead(HeaderList fields, out ReadOnlySpan<byte> error)
    {
        ReadOnlySpan<byte> prefix = "culvert; error="u8;
        bool isOurs = fields.TryGet("proxy-status"u8, out ReadOnlySpan<byte> said) && said.StartsWith(prefix);
        error = isOurs ? said[prefix.Length..] : default;
        return isOurs;
    }

    /// <summary>What a request is answered with whose server can't be reached.</summary>
    /// <param name="failure">Why not.</param>
    internal static (int Status, string Error) Of(ProxyFailure failure) => failure switch
    {
        ProxyFailure.PolicyDenied => (403, Denied),
        ProxyFailure.ConnectRefused => (503, "connection_refused"),
        ProxyFailure.ConnectTimeout => (504, "connection_timeout"),
        ProxyFailure.TlsTimeout => (504, "connection_timeout"),
        ProxyFailure.TlsHandshake => (503, "tls_protocol_error"),
        ProxyFailure.PeerIdentityMismatch or ProxyFailure.PeerRevoked => (503, "tls_certificate_error"),
        ProxyFailure.Overload or ProxyFailure.OverShare => (503, ConnectionLimit),
        ProxyFailure.ProxyFault => (500, "proxy_internal_error"),
        _ => (503, "destination_unavailable"),
    };

    /// <summary>The same in words: the reason by which metrics and flows have it.</summary>
    /// <param name="failure">Why not.</param>
    internal static string DetailsOf(ProxyFailure failure) => $"the server was not reached: {ReasonText.Kebab(failure.ToString())}";
}

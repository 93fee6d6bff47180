using System.Net;
using System.Net.Sockets;

namespace Culvert.Grpc;

/// <summary>Status codes for what HTTP reports in place of a gRPC status.</summary>
internal static class StatusMapping
{
    /// <summary>The code for an HTTP status without <c>grpc-status</c> (gRPC: http-grpc-status-mapping).</summary>
    internal static StatusCode FromHttpStatus(HttpStatusCode status) => status switch
    {
        HttpStatusCode.BadRequest => StatusCode.Internal,
        HttpStatusCode.Unauthorized => StatusCode.Unauthenticated,
        HttpStatusCode.Forbidden => StatusCode.PermissionDenied,
        HttpStatusCode.NotFound => StatusCode.Unimplemented,
        HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout =>
            StatusCode.Unavailable,
        _ => StatusCode.Unknown,
    };

    /// <summary>
    /// The code for an HTTP/2 error code in RST_STREAM or GOAWAY (RFC 9113 section 7; gRPC PROTOCOL-HTTP2, Errors). NO_ERROR is INTERNAL there, for a stream: it comes with the GOAWAY of a server that stops, and
    /// what was on its way then can be asked again.
    /// </summary>
    internal static StatusCode FromHttp2Error(long errorCode) => errorCode switch
    {
        0x0 => StatusCode.Unavailable, // NO_ERROR
        0x7 => StatusCode.Unavailable, // REFUSED_STREAM
        0x8 => StatusCode.Cancelled, // CANCEL
        0xb => StatusCode.ResourceExhausted, // ENHANCE_YOUR_CALM
        0xc => StatusCode.PermissionDenied, // INADEQUATE_SECURITY
        _ => StatusCode.Internal,
    };

    /// <summary>The status for a failure of the transport.</summary>
    internal static Status FromException(Exception exception)
    {
        for (Exception? e = exception; e is not null; e = e.InnerException)
        {
            switch (e)
            {
                case RpcException rpc:
                    return rpc.Status;
                case HttpProtocolException http2:
                    return new Status(
                        FromHttp2Error(http2.ErrorCode), $"The peer ended the stream or connection with HTTP/2 error 0x{http2.ErrorCode:x}.", exception);
                case OperationCanceledException { InnerException: TimeoutException timeout }:
                    return new Status(StatusCode.Unavailable, $"Connecting timed out: {timeout.Message}", exception);
                case OperationCanceledException:
                    return new Status(StatusCode.Cancelled, "The call was cancelled.", exception);
            }
        }

        return exception is HttpRequestException or IOException
            ? new Status(StatusCode.Unavailable, $"The connection failed: {Describe(Innermost(exception))}", exception)
            : new Status(StatusCode.Internal, $"The call failed: {exception.GetType().Name}: {exception.Message}", exception);
    }

    // What the system calls "temporarily unavailable" is DNS.
    private static string Describe(Exception innermost) =>
        innermost is SocketException { SocketErrorCode: SocketError.TryAgain } ? "no DNS server answers who has that name" : innermost.Message;

    private static Exception Innermost(Exception exception)
    {
        while (exception.InnerException is { } inner)
        {
            exception = inner;
        }

        return exception;
    }
}

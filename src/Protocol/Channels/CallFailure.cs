using System.Net.Sockets;
using Grpc.Core;

namespace Culvert.Protocol;

/// <summary>Describes failed calls, in logs and to people. Thread-safe.</summary>
public static class CallFailure
{
    private const long Http2NoError = 0;

    /// <summary>The status of a failed call, and what the server or the transport says of it; for other failures their message.</summary>
    public static string Describe(Exception failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        return failure is RpcException rpc ? $"{CodeOf(rpc)}: {DetailOf(rpc)}" : failure.Message;
    }

    /// <summary>
    /// The status code of a failed call; UNAVAILABLE if the connection failed. Grpc.Net.Client reports some of these failures as
    /// INTERNAL (a TLS handshake that fails, a stream that a stopping server resets
    /// with NO_ERROR) or as CANCELLED (a connection that is not made in time).
    /// </summary>
    public static StatusCode CodeOf(RpcException failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        return failure.StatusCode is StatusCode.Internal or StatusCode.Cancelled && IsOfConnection(failure.Status.DebugException)
            ? StatusCode.Unavailable
            : failure.StatusCode;
    }

    /// <summary>What the server says of a failed call; if the connection failed, the reason that the system gives.</summary>
    public static string DetailOf(RpcException failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        if (failure.Status.DebugException is not { } cause || CodeOf(failure) != StatusCode.Unavailable) return failure.Status.Detail;
        while (cause.InnerException is { } inner) cause = inner;

        // The system says "temporarily unavailable" of DNS.
        bool isOfDns = cause is SocketException { SocketErrorCode: SocketError.TryAgain };
        return $"the connection failed: {(isOfDns ? "no DNS server answers who has that name" : cause.Message)}";
    }

    private static bool IsOfConnection(Exception? failure)
    {
        bool isOfConnection = false;
        for (Exception? cause = failure; cause is not null; cause = cause.InnerException)
        {
            if (cause is HttpProtocolException http2) return http2.ErrorCode == Http2NoError;
            isOfConnection |= cause is HttpRequestException or TimeoutException;
        }
        return isOfConnection;
    }
}

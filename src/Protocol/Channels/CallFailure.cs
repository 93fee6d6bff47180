using System.Net.Sockets;
using Grpc.Core;

namespace Culvert.Protocol;

/// <summary>Describes failed calls, in logs and to people.</summary>
public static class CallFailure
{
    /// <summary>The status of a failed call, and what the server or the transport says of it; for other failures their message.</summary>
    public static string Describe(Exception failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        return failure is RpcException rpc ? $"{rpc.StatusCode}: {DetailOf(rpc)}" : failure.Message;
    }

    /// <summary>What the server says of a failed call; if the connection failed, the reason that the system gives.</summary>
    public static string DetailOf(RpcException failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        if (failure.Status.DebugException is not (HttpRequestException or IOException)) return failure.Status.Detail;
        Exception cause = failure.Status.DebugException;
        while (cause.InnerException is { } inner) cause = inner;

        // The system says "temporarily unavailable" of DNS.
        return $"the connection failed: {(cause is SocketException { SocketErrorCode: SocketError.TryAgain } ? "no DNS server answers who has that name" : cause.Message)}";
    }
}

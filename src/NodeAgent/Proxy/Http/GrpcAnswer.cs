using System.Buffers.Text;
using System.Text;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>What callers of gRPC are told in the server's place: a status of their own, in a response that is one of HTTP all the same.</summary>
internal static class GrpcAnswer
{
    /// <summary>Whether a request is one of gRPC.</summary>
    /// <param name="headers">Its head.</param>
    internal static bool IsCall(HeaderList headers) =>
        headers.TryGet("content-type"u8, out ReadOnlySpan<byte> type) && type.StartsWith("application/grpc"u8) && (type.Length == 16 || type[16] is (byte)'+' or (byte)';');

    /// <summary>Adds what a caller is told in the server's place.</summary>
    /// <param name="headers">Where to.</param>
    /// <param name="refusal">What it says; its details are printable ASCII without percent signs.</param>
    internal static void Add(HeaderList headers, RequestRefusal refusal)
    {
        Span<byte> status = stackalloc byte[2];
        Utf8Formatter.TryFormat((int)StatusOf(refusal), status, out int length);
        headers.AddStatus(200).Add("content-type"u8, "application/grpc"u8).Add("grpc-status"u8, status[..length]).Add("grpc-message"u8, Encoding.ASCII.GetBytes(refusal.Details));
    }

    /// <summary>What a caller is told in the server's place.</summary>
    internal static GrpcStatus StatusOf(RequestRefusal refusal) => StatusOf(refusal.Denied is not null && refusal.Status is not (401 or 429) ? 403 : refusal.Status); // denied is denied, whatever a browser is told

    // As gRPC itself reads 403, 404 and 502 to 503; what has taken too long it has a status for. It would take 500 and 501 for UNKNOWN; the proxy knows what they are.
    private static GrpcStatus StatusOf(int status) => status switch
    {
        401 => GrpcStatus.Unauthenticated,
        403 => GrpcStatus.PermissionDenied,
        404 or 501 => GrpcStatus.Unimplemented,
        429 => GrpcStatus.ResourceExhausted,
        504 => GrpcStatus.DeadlineExceeded,
        500 => GrpcStatus.Internal,
        _ => GrpcStatus.Unavailable,
    };
}

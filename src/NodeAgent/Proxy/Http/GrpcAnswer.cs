using System.Text;
using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>What callers of gRPC are told in the server's place: a status of their own, in a response that is one of HTTP all the same.</summary>
internal static class GrpcAnswer
{
    /// <summary>Whether a request is one of gRPC.</summary>
    /// <param name="headers">Its head.</param>
    internal static bool IsExpected(HeaderList headers) =>
        headers.TryGet("content-type"u8, out ReadOnlySpan<byte> type) && type.StartsWith("application/grpc"u8) && (type.Length == 16 || type[16] is (byte)'+' or (byte)';');

    /// <summary>Adds what stands for a status of HTTP.</summary>
    /// <param name="headers">Where to.</param>
    /// <param name="status">The status.</param>
    /// <param name="details">In words, of printable ASCII without percent signs.</param>
    internal static void Add(HeaderList headers, int status, string details)
    {
        headers.AddStatus(200).Add("content-type"u8, "application/grpc"u8).Add("grpc-status"u8, CodeOf(status)).Add("grpc-message"u8, Encoding.ASCII.GetBytes(details));
    }

    // As gRPC itself reads 403, 404 and 502 to 503; what has taken too long it has a status for. It would take 500 and 501 for UNKNOWN; the proxy knows what they are.
    private static ReadOnlySpan<byte> CodeOf(int status) => status switch
    {
        401 => "16"u8, // UNAUTHENTICATED
        403 => "7"u8, // PERMISSION_DENIED
        404 => "12"u8, // UNIMPLEMENTED
        429 => "8"u8, // RESOURCE_EXHAUSTED
        504 => "4"u8, // DEADLINE_EXCEEDED
        500 => "13"u8, // INTERNAL
        501 => "12"u8, // UNIMPLEMENTED
        _ => "14"u8, // UNAVAILABLE
    };
}

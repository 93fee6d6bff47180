namespace Culvert.Grpc;

/// <summary>Names and limits of gRPC over HTTP/2 (PROTOCOL-HTTP2 of the gRPC project).</summary>
internal static class GrpcProtocol
{
    internal const int FrameHeaderSize = 5;

    internal const int DefaultMaxReceiveMessageSize = 4 * 1024 * 1024;

    internal const string ContentType = "application/grpc";

    internal const string StatusTrailer = "grpc-status";

    internal const string MessageTrailer = "grpc-message";

    internal const string TimeoutHeader = "grpc-timeout";

    internal const string EncodingHeader = "grpc-encoding";

    internal const string AcceptEncodingHeader = "grpc-accept-encoding";

    internal const string Identity = "identity";

    internal const string Gzip = "gzip";

    internal const string AcceptedEncodings = "identity,gzip";

    internal const string UserAgent = "culvert-grpc/1.0";

    /// <summary>Longest time a timer can wait; a longer deadline is treated as none.</summary>
    internal static readonly TimeSpan MaxTimer = TimeSpan.FromMilliseconds(uint.MaxValue - 1);

    /// <summary>Whether a media type is gRPC with Protocol Buffers or another payload of the method's own marshaller.</summary>
    internal static bool IsGrpcContentType(string? contentType) =>
        contentType is not null
        && contentType.StartsWith(ContentType, StringComparison.OrdinalIgnoreCase)
        && (contentType.Length == ContentType.Length || contentType[ContentType.Length] is '+' or ';');
}

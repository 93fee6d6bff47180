namespace Culvert.Grpc;

/// <summary>Options of all gRPC services of a server; set by <c>services.AddGrpc(options => …)</c>.</summary>
public sealed class GrpcServiceOptions
{
    /// <summary>Longest message received, bytes after decompression; null for no limit. Default 4 MiB.</summary>
    public int? MaxReceiveMessageSize { get; set; } = GrpcProtocol.DefaultMaxReceiveMessageSize;

    /// <summary>Longest message sent, bytes before compression; null (default) for no limit.</summary>
    public int? MaxSendMessageSize { get; set; }

    /// <summary>Whether clients are told the text of exceptions. Default false: they could hold secrets.</summary>
    public bool? EnableDetailedErrors { get; set; }

    /// <summary><c>gzip</c> to compress responses for clients that accept it; null (default) for none.</summary>
    public string? ResponseCompressionAlgorithm { get; set; }

    /// <summary>
    /// How long a client may read nothing of what waits for it; the stream is reset then, and what waited is freed. A stream that has nothing to say may be silent for ever.
    /// Null (default) for no limit.
    /// </summary>
    public TimeSpan? WriteTimeout { get; set; }
}

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

    /// <summary>How long the request of a call that has one only may take to come; the call ends with DEADLINE_EXCEEDED then. Null (default) for no limit.</summary>
    public TimeSpan? RequestTimeout { get; set; }

    /// <summary>Longest body of a call, bytes with all that goes with messages, beyond which the stream is reset; null (default) for no limit, as streams need it.</summary>
    public long? MaxRequestBodySize { get; set; }

    /// <summary>
    /// Asked before anything of a call's request is read, with its headers; what it returns is disposed of when the call has ended. It throws <see cref="RpcException"/> to refuse the call. Null (default): all calls are taken.
    /// </summary>
    public Func<ServerCallContext, IDisposable>? Admit { get; set; }

    /// <summary>
    /// Told when the request of a call that has one only is not had, so that no handler hears of the call, with the status that it ends with: CANCELLED where the client has gone. On any thread. Null (default): nobody is told.
    /// </summary>
    public Action<ServerCallContext, StatusCode>? RequestFailed { get; set; }
}

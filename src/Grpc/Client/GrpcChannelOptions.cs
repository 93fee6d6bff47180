namespace Culvert.Grpc;

/// <summary>Options of a <see cref="GrpcChannel"/>.</summary>
public sealed class GrpcChannelOptions
{
    /// <summary>
    /// Makes the connections; must speak HTTP/2. Null means <see cref="GrpcSocketsHandler.Create"/>. Client certificates, trusted
    /// roots and connect callbacks are set on a <see cref="SocketsHttpHandler"/>.
    /// </summary>
    public HttpMessageHandler? HttpHandler { get; set; }

    /// <summary>Whether the channel disposes <see cref="HttpHandler"/>. One made by the channel is always disposed.</summary>
    public bool DisposeHttpClient { get; set; }

    /// <summary>Longest message received, bytes after decompression; null for no limit. Default 4 MiB.</summary>
    public int? MaxReceiveMessageSize { get; set; } = GrpcProtocol.DefaultMaxReceiveMessageSize;

    /// <summary>Longest message sent, bytes before compression; null (default) for no limit.</summary>
    public int? MaxSendMessageSize { get; set; }

    /// <summary>Clock for deadlines; null means the system's.</summary>
    public TimeProvider? TimeProvider { get; set; }
}

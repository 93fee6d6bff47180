using Culvert.Core;
using Culvert.GrpcHosting;
using Grpc.Core;
using Grpc.Net.Client;

namespace Culvert.Protocol;

/// <summary>Makes channels to the controller.</summary>
public static class ControllerChannel
{
    // An agent makes another channel for each node certificate. Its stream keeps the connection of the one in use; an older one's must not lie there for ever, as the controller lets
    // a node have a few.
    private static readonly TimeSpan IdleTimeout = TimeSpan.FromSeconds(5);

    /// <summary>A channel over TLS 1.3 that accepts the controller of the given roots and nobody else, whatever its address.</summary>
    public static GrpcChannel ForTls(ControllerChannelOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        SocketsHttpHandler handler = GrpcSocketsHandler.Create();
        handler.PooledConnectionIdleTimeout = IdleTimeout;
        SpiffeTls.ConnectBy(handler, new()
        {
            Roots = options.Roots,
            Identity = options.Identity,
            Time = options.Time,
            IsServer = id => id.Path == SpiffeId.ControllerPath,
            Refusal = "the server's certificate is not that of a controller of the known roots; check the address (--controller), the roots (--bootstrap-roots takes the controller's own roots.pem) and the clock",
        });
        var address = new UriBuilder(options.Address) { Scheme = Uri.UriSchemeHttp, Port = options.Address.Port }.Uri;
        return GrpcChannel.ForAddress(address, ChannelOptions(handler));
    }

    /// <summary>A channel to the controller's Unix socket. Calls name their node by <see cref="ForNode"/>.</summary>
    public static GrpcChannel ForUnixSocket(string path) =>
        GrpcChannel.ForAddress("http://localhost", ChannelOptions(GrpcSocketsHandler.CreateForUnixSocket(path)));

    /// <summary>Headers that name the node of a call over a Unix socket.</summary>
    public static Metadata ForNode(string node) => new() { { NodeHeader.Name, node } };

    private static GrpcChannelOptions ChannelOptions(SocketsHttpHandler handler) =>
        new() { HttpHandler = handler, DisposeHttpClient = true, MaxReceiveMessageSize = ProtocolLimits.MaxMessageSize };
}

using System.Runtime.CompilerServices;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>Serves ports of HTTP/2 without TLS, by prior knowledge (RFC 9113, section 3.3). Belongs to its loop's thread.</summary>
/// <param name="options">Limits.</param>
/// <param name="observer">Hears of requests.</param>
/// <param name="time">The clock.</param>
internal sealed class Http2Handler(HttpOptions options, IProxyObserver observer, TimeProvider time) : IProtocolHandler
{
    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask ServeAsync(ProxiedConnection connection, ITransport client, IUpstream upstream)
    {
        (ITransport? server, ProxyFailure failure, string? detail) = await connection.ConnectAsync(upstream);
        IRequestObserver requests = observer.ObserveRequests(connection.Info);
        if (server is null)
        {
            // Who came by a tunnel has its answer: the client's own node knows why, and says so.
            bool isAnswered = !client.IsClosed;
            connection.Fail(failure, detail, resetsClient: !isAnswered);
            if (isAnswered) await new UnreachableHttp2(client, connection.ClientHolder, failure, options, requests, time).RunAsync();
            return;
        }

        Http2Relay relay = new(client, server, connection.ClientHolder, connection.ServerHolder, options, requests, time);
        connection.Open(relay);
        await relay.RunAsync();
        connection.Close();
    }
}

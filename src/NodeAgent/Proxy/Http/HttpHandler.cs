using System.Runtime.CompilerServices;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>Serves ports of HTTP, of one version. Belongs to its loop's thread.</summary>
/// <param name="observer">Hears of requests.</param>
internal abstract class HttpHandler(IProxyObserver observer) : IProtocolHandler
{
    /// <summary>Hears of requests.</summary>
    protected IProxyObserver Observer => observer;

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask ServeAsync(ProxiedConnection connection, ITransport client, IUpstream upstream)
    {
        if (connection.Info.Route == OutboundRouteKind.Routed)
        {
            IHttpRelay routed = RelayRouted(connection, client, observer.ObserveRequests(connection.Info));
            connection.Open(routed);
            await routed.RunAsync();
            connection.Close();
            return;
        }

        (ITransport? server, ProxyFailure failure, string? detail, _) = await connection.ConnectAsync(upstream);
        IRequestObserver requests = observer.ObserveRequests(connection.Info);
        if (server is null)
        {
            // Who came by a tunnel has its answer: the client's own node knows why, and says so.
            bool isAnswered = !client.IsClosed;
            connection.Fail(failure, detail, resetsClient: !isAnswered);
            if (isAnswered) await AnswerAsync(connection, client, failure, requests);
            return;
        }

        IHttpRelay relay = Relay(connection, client, server, new RequestGate(connection, observer), requests);
        connection.Open(relay);
        await relay.RunAsync();
        connection.Close();
    }

    /// <summary>Makes what carries requests; it owns both transports.</summary>
    protected abstract IHttpRelay Relay(ProxiedConnection connection, ITransport client, ITransport server, RequestGate gate, IRequestObserver requests);

    /// <summary>Makes what carries requests that are routed; it owns the transport.</summary>
    protected abstract IHttpRelay RelayRouted(ProxiedConnection connection, ITransport client, IRequestObserver requests);

    /// <summary>Tells the client why its server can't be reached; its transport is closed when this returns.</summary>
    protected abstract ValueTask AnswerAsync(ProxiedConnection connection, ITransport client, ProxyFailure failure, IRequestObserver requests);
}

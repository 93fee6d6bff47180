using Culvert.Core;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Http.Mirroring;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>Serves ports of HTTP/2 without TLS, by prior knowledge (RFC 9113, section 3.3). Belongs to its loop's thread.</summary>
/// <param name="options">Limits.</param>
/// <param name="directory">Routes.</param>
/// <param name="dialer">Makes connections for requests that are routed.</param>
/// <param name="servers">Connections to servers of HTTP/1.1 for requests that are routed.</param>
/// <param name="mirrors">What copies of requests share.</param>
/// <param name="observer">Hears of requests.</param>
/// <param name="time">The clock.</param>
internal sealed class Http2Handler(HttpOptions options, IProxyDirectory directory, RequestDialer dialer, Http1Servers servers, MirrorRoom mirrors, IProxyObserver observer, TimeProvider time) : HttpHandler(observer)
{
    /// <summary>Makes what carries requests; it owns both transports.</summary>
    internal Http2Relay RelayOf(ProxiedConnection connection, ITransport client, ITransport server, RequestGate gate, IRequestObserver requests) =>
        new(client, server, connection.ClientHolder, connection.ServerHolder, gate, options, requests, time);

    /// <summary>Makes what carries requests that are routed; it owns the transport.</summary>
    internal Http2Relay RelayOfRouted(ProxiedConnection connection, ITransport client, IRequestObserver requests)
    {
        RequestRouting routing = new(connection.Info, directory, HttpKind.Http2);
        return new(client, connection.ClientHolder, routing, new MirrorsOfClient(routing, mirrors), dialer, Observer, servers, options, requests, time);
    }

    /// <inheritdoc/>
    protected override IHttpRelay Relay(ProxiedConnection connection, ITransport client, ITransport server, RequestGate gate, IRequestObserver requests) =>
        RelayOf(connection, client, server, gate, requests);

    /// <inheritdoc/>
    protected override IHttpRelay RelayRouted(ProxiedConnection connection, ITransport client, IRequestObserver requests) => RelayOfRouted(connection, client, requests);

    /// <inheritdoc/>
    protected override ValueTask AnswerAsync(ProxiedConnection connection, ITransport client, ProxyFailure failure, IRequestObserver requests) =>
        new UnreachableHttp2(client, connection.ClientHolder, failure, options, requests, time).RunAsync();
}

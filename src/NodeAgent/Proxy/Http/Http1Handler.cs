using Culvert.Core;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Http.Mirroring;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>Serves ports of HTTP/1.1. Belongs to its loop's thread.</summary>
/// <param name="options">Limits.</param>
/// <param name="directory">Routes.</param>
/// <param name="servers">Connections for requests that are routed.</param>
/// <param name="dialer">Makes connections for those that go on by HTTP/2.</param>
/// <param name="mirrors">What copies of requests share.</param>
/// <param name="observer">Hears of requests.</param>
/// <param name="time">The clock.</param>
/// <param name="http2">Serves clients that begin with the preface of HTTP/2.</param>
internal sealed class Http1Handler(HttpOptions options, IProxyDirectory directory, Http1Servers servers, RequestDialer dialer, MirrorRoom mirrors, IProxyObserver observer, TimeProvider time, Http2Handler http2) : HttpHandler(observer)
{
    /// <inheritdoc/>
    protected override IHttpRelay Relay(ProxiedConnection connection, ITransport client, ITransport server, RequestGate gate, IRequestObserver requests) =>
        new AnyVersionRelay(
            new Http1Relay(client, server, connection.ClientHolder, connection.ServerHolder, gate, options, requests, time),
            () => http2.RelayOf(connection, client, server, gate, requests),
            client.Loop);

    /// <inheritdoc/>
    protected override IHttpRelay RelayRouted(ProxiedConnection connection, ITransport client, IRequestObserver requests)
    {
        RequestRouting routing = new(connection.Info, directory, HttpKind.Http1);
        return new AnyVersionRelay(
            new Http1Relay(
                client,
                connection.ClientHolder,
                routing,
                new MirrorsOfClient(routing, mirrors),
                servers,
                user => new Http2ServersOfClient(user, connection.Info, dialer, Observer, client.Loop, options, time),
                options,
                requests,
                time),
            () => http2.RelayOfRouted(connection, client, requests),
            client.Loop);
    }

    /// <inheritdoc/>
    protected override ValueTask AnswerAsync(ProxiedConnection connection, ITransport client, ProxyFailure failure, IRequestObserver requests) =>
        new UnreachableHttp1(client, connection.ClientHolder, failure, options, requests, time).RunAsync();
}

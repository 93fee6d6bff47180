using System.Runtime.CompilerServices;
using Culvert.Core;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Connections;

/// <summary>Has connections served by the protocol of the port that they lead to. Belongs to its loop's thread.</summary>
/// <param name="loop">The loop.</param>
/// <param name="bytes">Serves all ports that nobody else does.</param>
/// <param name="http">Who serves ports of HTTP.</param>
internal sealed class ProtocolHandlers(EventLoop loop, IProtocolHandler bytes, IReadOnlyDictionary<HttpKind, IProtocolHandler> http)
{
    /// <summary>Serves a connection until it is over. An exception is reported, and ends this connection only.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="client">Its client's end; owned from here on.</param>
    /// <param name="upstream">The path to its other end.</param>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    internal async ValueTask ServeAsync(ProxiedConnection connection, ITransport client, IUpstream upstream)
    {
        try
        {
            await Find(connection.Info).ServeAsync(connection, client, upstream);
        }
        catch (Exception exception)
        {
            loop.ReportFault(exception);
            connection.Fail(ProxyFailure.ProxyFault, exception.Message);
        }
    }

    private IProtocolHandler Find(in ProxyConnectionInfo info) =>
        http.TryGetValue(info.Http, out IProtocolHandler? handler) ? handler : bytes;
}

using System.Runtime.CompilerServices;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Relay;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Connections;

/// <summary>Carries bytes as they are: of every port that is not known to speak a protocol that the proxy reads.</summary>
internal sealed class ByteHandler : IProtocolHandler
{
    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask ServeAsync(ProxiedConnection connection, ITransport client, IUpstream upstream)
    {
        (ITransport? server, ProxyFailure failure, string? detail, _) = await connection.ConnectAsync(upstream);
        if (server is null)
        {
            connection.Fail(failure, detail);
            return;
        }

        ByteRelay relay = new(client, server, connection.ClientHolder, connection.ServerHolder);
        connection.Open(relay);
        await relay.RunAsync();
        connection.Close();
    }
}

using System.Runtime.CompilerServices;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Limits;
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
        (ITransport? server, ProxyFailure failure, string? detail) = await upstream.ConnectAsync(connection);
        if (connection.Aborted != ProxyFailure.None)
        {
            // What has not begun is not reported as begun.
            server?.Reset(connection.Aborted);
            server = null;
        }

        if (server is null)
        {
            connection.Fail(failure, detail);
            return;
        }

        ProxyConnectionInfo info = connection.Info;
        ByteRelay relay = new(
            client, server, HolderOf(info.SourceWorkload, info.LoadBalancer ?? info.Source), HolderOf(info.DestinationWorkload, info.Target));
        connection.Open(relay);
        await relay.RunAsync();
        connection.Close();
    }

    // A workload has one share, however many addresses it has.
    private static BudgetHolder HolderOf(WorkloadInfo? workload, in SocketEndPoint address) => workload is null ? BudgetHolder.Of(address) : BudgetHolder.Of(workload);
}

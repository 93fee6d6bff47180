using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Connections;

/// <summary>The path to an application without a tunnel: to one of this node, or beyond the mesh. Belongs to its loop's thread.</summary>
/// <param name="dialer">Connects.</param>
/// <param name="remote">The application.</param>
/// <param name="lease">The client's places: the second socket takes one, too.</param>
internal sealed class PlainUpstream(ApplicationDialer dialer, SocketEndPoint remote, BudgetLease lease) : IUpstream
{
    /// <inheritdoc/>
    public ValueTask<UpstreamResult> ConnectAsync(ProxiedConnection connection)
    {
        ProxyFailure refusal = ProxyFailures.FromBudget(lease.TryTake());
        return refusal == ProxyFailure.None ? dialer.ConnectAsync(connection.Info, remote) : new ValueTask<UpstreamResult>(new UpstreamResult(null, refusal));
    }
}

using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.ProxyProtocol;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Connections;

/// <summary>
/// How a connection becomes one that may go on, wherever it comes from: behind a load balancer, its PROXY header is received; then the guard asks policy, where this node
/// decides, and registers it. What may not go on is reset and reported. Belongs to its loop's thread.
/// </summary>
/// <param name="guard">Policy, and the connections that run.</param>
/// <param name="headerTimeout">Time for a load balancer's whole header.</param>
/// <param name="observer">Hears of connections that may not go on.</param>
internal sealed class ConnectionAdmission(ConnectionGuard guard, TimeSpan headerTimeout, IProxyObserver observer)
{
    /// <summary>Admits a connection.</summary>
    /// <param name="client">Its client's end, of which nobody has received anything.</param>
    /// <param name="info">What is known of it.</param>
    /// <returns>Null when it may not go on: it has been reset and reported.</returns>
    internal ValueTask<ProxiedConnection?> AdmitAsync(IPeekableTransport client, in ProxyConnectionInfo info)
    {
        // The destination's proxy decides, and receives headers; or the connection leaves the mesh.
        if (info.Direction == ProxyDirection.Outbound && info.Route != OutboundRouteKind.Local) return new ValueTask<ProxiedConnection?>(AskPolicy(client, info, isDestinationHere: false));
        ProxyConnectionInfo known = info;
        return LoadBalancerHeader.Check(ref known) switch
        {
            LoadBalancerTrust.Trusted => AdmitBehindHeaderAsync(client, known),
            LoadBalancerTrust.Untrusted => new ValueTask<ProxiedConnection?>(Refuse(client, known, ProxyFailure.ProxyProtocol)),
            _ => new ValueTask<ProxiedConnection?>(AskPolicy(client, known)),
        };
    }

    private async ValueTask<ProxiedConnection?> AdmitBehindHeaderAsync(IPeekableTransport client, ProxyConnectionInfo info)
    {
        ReceivedHeader header = await ProxyHeaderReceiver.ReceiveAsync(client, headerTimeout);

        // The load balancer has gone away: there is no header that could be refused.
        if (header.IsReset) return Refuse(client, info, client.Failure);
        info = LoadBalancerHeader.Apply(info, header);
        return header.Error == ProxyProtocolError.None ? AskPolicy(client, info) : Refuse(client, info, ProxyFailure.ProxyProtocol);
    }

    private ProxiedConnection? AskPolicy(IPeekableTransport client, ProxyConnectionInfo info, bool isDestinationHere = true) =>
        guard.TryAdmit(ref info, client, isDestinationHere, out ProxyFailure refusal) ?? Refuse(client, info, refusal);

    private ProxiedConnection? Refuse(IPeekableTransport client, in ProxyConnectionInfo info, ProxyFailure failure)
    {
        client.Reset(failure);
        observer.OnFailed(info, failure, null);
        return null;
    }
}

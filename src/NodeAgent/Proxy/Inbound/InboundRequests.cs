using Culvert.Core;
using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.ProxyProtocol;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Proxy.Inbound;

/// <summary>Finds out who asks for what in a CONNECT request: the checks that it passes, in HBONE's order, up to the policy. Belongs to its loop's thread.</summary>
/// <param name="ids">Numbers connections.</param>
/// <param name="directory">Addresses.</param>
/// <param name="spaces">Which workloads are captured inside their namespaces.</param>
/// <param name="ends">Which tunnels this proxy has opened.</param>
/// <param name="forbiddenPorts">Ports of workloads that no request may lead to.</param>
internal sealed class InboundRequests(ConnectionIds ids, IProxyDirectory directory, IPodSpaces spaces, TunnelEnds ends, IReadOnlyList<ushort> forbiddenPorts)
{
    /// <summary>Evaluates a request.</summary>
    /// <param name="tunnel">The tunnel it came from.</param>
    /// <param name="headers">The request.</param>
    /// <param name="info">What is known of the connection.</param>
    /// <returns>Why it is refused; None when it may go on.</returns>
    internal ProxyFailure Evaluate(TunnelConnection tunnel, HeaderList headers, out ProxyConnectionInfo info)
    {
        info = new ProxyConnectionInfo
        {
            Id = ids.Next(),
            Direction = ProxyDirection.Inbound,
            Route = OutboundRouteKind.Tunnel,
            Source = tunnel.Parts.Peer,
            SourceIdentity = tunnel.PeerIdentity,
            TlsGroup = tunnel.Parts.TlsGroup,
            Destination = tunnel.Parts.Local,
            Target = tunnel.Parts.Local,
        };

        // Its certificate has expired, its root has gone, or it was revoked, since the handshake.
        if (tunnel.Parts.Trust.Doubt is not ProxyFailure.None and var doubt) return doubt;
        if (!TryReadTarget(headers, ref info)) return ProxyFailure.BadRequest;
        bool isPeerThisProxy = ends.Contains(tunnel.Parts.Peer, tunnel.Parts.Local);
        if (TryReadClient(tunnel, isPeerThisProxy, headers, out SocketEndPoint client)) info = info with { Source = client, IsClientNamedByPeer = true, IsPeerThisProxy = isPeerThisProxy };
        WorkloadInfo? workload = directory.FindLocalWorkload(tunnel.Parts.Local);
        if (workload is null || (tunnel.Parts.Space is { } space && space.Uid != workload.Uid)) return ProxyFailure.NoRoute;
        info = info with
        {
            DestinationWorkload = workload,
            DestinationIdentity = workload.Identity,
            DestinationSpace = tunnel.Parts.Space ?? spaces.Find(workload),
            ApplicationProtocol = directory.FindApplicationProtocol(info.Target, info.Protocol),
        };

        // The address has changed hands since the handshake: the peer asks for whom this tunnel has proven to speak for.
        if (workload.Identity != tunnel.Parts.Identity.Id) return ProxyFailure.NoRoute;
        if (info.Target.WithPort(0) != tunnel.Parts.Local.WithPort(0)) return ProxyFailure.BadRequest;
        if (forbiddenPorts.Contains(info.Target.Port)) return ProxyFailure.NoRoute;
        info = OriginalDestinationHeader.Apply(info, headers, directory);
        return LoadBalancerHeader.Check(ref info) == LoadBalancerTrust.Untrusted ? ProxyFailure.ProxyProtocol : ProxyFailure.None;
    }

    private static bool TryReadTarget(HeaderList headers, ref ProxyConnectionInfo info)
    {
        if (!headers.Method.SequenceEqual("CONNECT"u8)) return false;
        bool isUdp = headers.Protocol.SequenceEqual(DatagramHeaders.Protocol);
        if (!isUdp && !headers.Protocol.IsEmpty) return false;
        if (isUdp) info = info with { Protocol = TransportProtocol.Udp };
        bool isValid = isUdp ? MasquePath.TryParse(headers.Path, out SocketEndPoint target) : SocketEndPoint.TryParse(headers.Authority, out target);
        if (!isValid || target.Port == 0) return false;
        info = info with { Destination = target, Target = target };
        return true;
    }

    /// <summary>
    /// The client's address that the peer's proxy names, if a workload of another node with the peer's identity has it: an identity can speak
    /// for its own addresses only, and answers to an address of this node would enter a pod that has asked nothing. This proxy itself names one of this node.
    /// </summary>
    private bool TryReadClient(TunnelConnection tunnel, bool isPeerThisProxy, HeaderList headers, out SocketEndPoint client) =>
        ForwardedHeader.TryRead(headers, out client)
        && (isPeerThisProxy ? directory.FindLocalWorkload(client)?.Identity == tunnel.PeerIdentity : directory.IsElsewhere(client, tunnel.PeerIdentity));
}

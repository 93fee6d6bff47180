using Culvert.Core;
using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.ProxyProtocol;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Proxy.Inbound;

/// <summary>The checks a CONNECT request passes, in HBONE's order, up to the policy.</summary>
internal static class InboundRequest
{
    /// <summary>Evaluates a request.</summary>
    /// <param name="context">What the loop shares.</param>
    /// <param name="tunnel">The tunnel it came from.</param>
    /// <param name="headers">The request.</param>
    /// <param name="info">What is known of the connection.</param>
    /// <param name="failure">None when it may go on.</param>
    /// <returns>The status to answer: 200, 400, 401 or 503.</returns>
    internal static int Evaluate(ProxyContext context, TunnelConnection tunnel, HeaderList headers, out ProxyConnectionInfo info, out ProxyFailure failure)
    {
        info = new ProxyConnectionInfo
        {
            Id = context.NextId(),
            Direction = ProxyDirection.Inbound,
            Route = OutboundRouteKind.Tunnel,
            Source = tunnel.Parts.Peer,
            SourceIdentity = tunnel.PeerIdentity,
            Destination = tunnel.Parts.Local,
            Target = tunnel.Parts.Local,
        };
        if (!tunnel.Parts.Trust.Holds)
        {
            // Its certificate has expired, or its root has gone, since the handshake.
            failure = ProxyFailure.PeerIdentityMismatch;
            return 401;
        }

        failure = ProxyFailure.BadRequest;
        if (!headers.Method.SequenceEqual("CONNECT"u8)) return 400;
        bool isUdp = headers.Protocol.SequenceEqual(DatagramHeaders.Protocol);
        if (!isUdp && !headers.Protocol.IsEmpty) return 400;
        if (isUdp) info = info with { Protocol = TransportProtocol.Udp };
        SocketEndPoint target;
        bool isValid = isUdp ? MasquePath.TryParse(headers.Path, out target) : SocketEndPoint.TryParse(headers.Authority, out target);
        if (!isValid || target.Port == 0) return 400;
        info = info with { Source = ReadClient(context, tunnel, headers), Destination = target, Target = target };
        WorkloadInfo? workload = context.Directory.FindLocalWorkload(tunnel.Parts.Local);
        if (workload is null)
        {
            failure = ProxyFailure.NoRoute;
            return 503;
        }

        info = info with
        {
            DestinationWorkload = workload,
            DestinationIdentity = workload.Identity,
            ApplicationProtocol = context.Directory.FindApplicationProtocol(target, info.Protocol),
        };
        if (workload.Identity != tunnel.Parts.Identity.Id)
        {
            // The address has changed hands since the handshake: the peer asks for whom this tunnel has proven to speak for.
            failure = ProxyFailure.NoRoute;
            return 503;
        }

        if (target.WithPort(0) != tunnel.Parts.Local.WithPort(0)) return 400;
        if (context.Options.ForbiddenPorts.Contains(target.Port))
        {
            failure = ProxyFailure.NoRoute;
            return 503;
        }

        info = OriginalDestinationHeader.Apply(info, headers, context.Directory);
        if (LoadBalancerHeader.IsExpected(info))
        {
            // Policy is asked when the header has told who the client is.
            failure = LoadBalancerHeader.IsTrusted(info) ? ProxyFailure.None : ProxyFailure.ProxyProtocol;
            if (failure != ProxyFailure.None) info = info with { HeaderError = ProxyProtocolError.Untrusted };
            return failure == ProxyFailure.None ? 200 : 401;
        }

        failure = ProxyFailure.None;
        return 200;
    }

    /// <summary>
    /// The client's address: the one the peer's proxy names, if a workload of another node with the peer's identity has it (an identity can speak
    /// for its own addresses only, and answers to an address of this node would enter a pod that has asked nothing); else the proxy's.
    /// </summary>
    private static SocketEndPoint ReadClient(ProxyContext context, TunnelConnection tunnel, HeaderList headers)
    {
        if (headers.TryGet("forwarded"u8, out ReadOnlySpan<byte> value)
            && ForwardedHeader.TryParse(value, out SocketEndPoint client)
            && context.Directory.IsElsewhere(client, tunnel.PeerIdentity))
        {
            return client;
        }

        return tunnel.Parts.Peer;
    }
}

using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Culvert.Grpc;
using Culvert.Protocol;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace Culvert.Controller.Nodes;

/// <summary>Says which node a call comes from.</summary>
/// <remarks>
/// Over TLS the node's certificate says it; the handshake has verified the chain already. Over the controller's own Unix socket, which only its
/// own user can open (mode 0600), the caller is trusted to name its node.
/// </remarks>
internal static class NodeAuthenticator
{
    /// <summary>The node of a call.</summary>
    /// <exception cref="RpcException">UNAUTHENTICATED: the call proves no node.</exception>
    public static string Authenticate(ServerCallContext context)
    {
        HttpContext http = context.GetHttpContext();
        if (http.Features.Get<IConnectionSocketFeature>()?.Socket.AddressFamily == AddressFamily.Unix)
        {
            return http.Request.Headers[NodeHeader.Name].ToString() is { Length: > 0 } named
                ? named
                : throw Refused($"the header {NodeHeader.Name} is missing");
        }
        X509Certificate2 certificate = http.Connection.ClientCertificate ?? throw Refused("a node certificate is needed");
        return NodeOf(certificate) ?? throw Refused("the certificate is not a node's");
    }

    private static string? NodeOf(X509Certificate2 certificate) =>
        SvidReader.TryRead(certificate, out SpiffeId? id) && id.Path.Split('/') is ["", "culvert", "node", var node] ? node : null;

    private static RpcException Refused(string reason) => new(new Status(StatusCode.Unauthenticated, reason));
}

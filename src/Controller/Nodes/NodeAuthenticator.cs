using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Culvert.Controller.Identity;
using Culvert.Controller.Snapshots;
using Culvert.Core;
using Culvert.Protocol;
using Grpc.Core;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace Culvert.Controller.Nodes;

/// <summary>Says which node a call comes from, and whether it may make it.</summary>
/// <remarks>
/// Over TLS the node's certificate says it. It must be of the mesh's trust domain, lead to a root of the bundle, be valid and not be revoked; one that has
/// expired, or whose root has left the bundle, a short while ago is good for one thing, to be renewed; where the root was removed, as its key may be another's, only if it is
/// known as the one that was signed here. Over the controller's own Unix socket, which only its
/// own user can open (mode 0600), the caller is trusted to name its node. Safe for any number of threads.
/// </remarks>
internal sealed class NodeAuthenticator(SnapshotPublisher publisher, ICertificateAuthority authority, NodeStore nodes, TimeSpan renewalGrace, TimeProvider time)
{
    /// <summary>
    /// Looks at a client certificate during the handshake. Certificates that are good for renewal only pass: what may be asked for with them is decided at each call.
    /// </summary>
    /// <returns>What is kept with the connection; null: the handshake must fail.</returns>
    public NodeProof? Verify(X509Certificate2 certificate, X509Chain? presented)
    {
        DateTimeOffset now = time.GetUtcNow(), end = new(certificate.NotAfter.ToUniversalTime());
        if (end + renewalGrace <= now) return null;
        DateTimeOffset at = end <= now ? end - TimeSpan.FromSeconds(1) : now;
        byte[]? root = CertificateVerifier.FindRoot(certificate, presented, [.. authority.Roots, .. authority.RetiredRoots], at);
        return root is null ? null : new(root, SvidReader.TryRead(certificate, out SpiffeId? id) ? id : null);
    }

    /// <summary>The node of a call.</summary>
    /// <param name="context">The call.</param>
    /// <param name="isRenewal">Whether all it asks for is another certificate for the same node.</param>
    /// <exception cref="RpcException">UNAUTHENTICATED: the call proves no node, or one that may not make it. UNAVAILABLE: nothing can be said yet.</exception>
    public NodeCaller Authenticate(ServerCallContext context, bool isRenewal = false)
    {
        NodeCaller caller = Read(context.GetHttpContext());
        return Refusal(caller, isRenewal) is { } reason ? throw Refused(reason) : caller;
    }

    /// <summary>Watches over a call that goes on; to be disposed with it.</summary>
    public NodeLease Watch(NodeCaller caller) => new(
        () => Refusal(caller, isRenewal: false),
        check =>
        {
            nodes.Changed += check;
            publisher.Changed += check;
        },
        check =>
        {
            nodes.Changed -= check;
            publisher.Changed -= check;
        },
        caller.Certificate?.NotAfter,
        time);

    /// <summary>UNAUTHENTICATED with a reason.</summary>
    public static RpcException Refused(string reason) => new(new Status(StatusCode.Unauthenticated, reason));

    private NodeCaller Read(HttpContext http)
    {
        if (http.Features.Get<IConnectionSocketFeature>()?.Socket.AddressFamily == AddressFamily.Unix)
        {
            return http.Request.Headers[NodeHeader.Name].ToString() is { Length: > 0 } named
                ? new NodeCaller(named)
                : throw Refused($"the header {NodeHeader.Name} is missing");
        }
        X509Certificate2 certificate = http.Connection.ClientCertificate ?? throw Refused("a node certificate is needed");
        if (!SvidReader.TryRead(certificate, out SpiffeId? id) || id.Node is not { } node) throw Refused("the certificate is not a node's");
        if (http.Features.Get<IConnectionItemsFeature>()?.Items.TryGetValue(NodeProof.Key, out object? kept) != true || kept is not NodeProof proof)
            throw new InvalidOperationException("A connection with a certificate was let in without a look at it.");
        DateTimeOffset issued = new DateTimeOffset(certificate.NotBefore.ToUniversalTime()) + authority.Backdating;
        return new NodeCaller(node) { Certificate = new(id.TrustDomain, issued, new(certificate.NotAfter.ToUniversalTime()), proof.Root, CertificateFingerprint.Of(certificate.RawDataMemory.Span)) };
    }

    private string? Refusal(NodeCaller caller, bool isRenewal)
    {
        if (caller.Certificate is not { } certificate) return null;
        if (!publisher.Current.IsPublished) throw new RpcException(new Status(StatusCode.Unavailable, "the controller has not read its objects yet"));
        string trustDomain = publisher.Current.Mesh.TrustDomain;
        if (certificate.TrustDomain != trustDomain) return $"the node certificate is of the trust domain {certificate.TrustDomain}, the mesh is {trustDomain}; join again with a token";
        if (nodes.RevokedAt(caller.Node) is { } revoked && certificate.IssuedAt <= revoked) return "the node certificate was revoked; join again with a new token";
        DateTimeOffset now = time.GetUtcNow();
        if (authority.RemovedRoots.Any(r => r.Span.SequenceEqual(certificate.Root)) && !(isRenewal && nodes.IsKnown(caller.Node, certificate.Fingerprint)))
        {
            return isRenewal
                ? "the root of the node certificate was removed from the bundle, and the certificate is not known as the one last signed for this node; join again with a token"
                : "the root of the node certificate was removed from the bundle: renew it and connect again";
        }
        if (isRenewal) return certificate.NotAfter + renewalGrace > now ? null : "the node certificate expired too long ago to be renewed; join again with a token";
        if (certificate.NotAfter <= now) return "the node certificate has expired: renew it and connect again";
        return authority.Roots.Any(r => r.Span.SequenceEqual(certificate.Root)) ? null : "the root of the node certificate has left the bundle: renew it and connect again";
    }
}

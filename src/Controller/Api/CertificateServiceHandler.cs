using System.Collections.Immutable;
using System.Net;
using Culvert.Controller.Attestation;
using Culvert.Controller.Hosting;
using Culvert.Controller.Identity;
using Culvert.Controller.Nodes;
using Culvert.Controller.Snapshots;
using Culvert.Core;
using Culvert.GrpcHosting;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Api;

/// <summary>Decides who gets which certificate; the authority signs.</summary>
internal sealed class CertificateServiceHandler(
    SnapshotPublisher publisher, ICertificateAuthority authority, NodeAuthenticator authenticator, INodeAttestor attestor, NodeStore nodes, AuthorityMetrics metrics, TimeProvider time, ILogger<CertificateServiceHandler> logger) : CertificateService.CertificateServiceBase
{
    // Characters.
    private const int LongestShown = 512;

    private static readonly TimeSpan JoinRetry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan JwtRetry = TimeSpan.FromSeconds(1);

    /// <summary>Tokens of one node that are being signed at a time; a SPIRE server has 8 places for those of all.</summary>
    internal const int MostJwtsAtOnce = 2;

    /// <summary>Beside these, that wait: of an agent, and of an older one that may be ending beside it.</summary>
    internal const int MostJwtsWaiting = (2 * ProtocolLimits.JwtsAtOnce) - MostJwtsAtOnce;

    private readonly LogQuota _joinRefusals = new(time);
    private readonly NodePlaces _signingJwts = new(MostJwtsAtOnce, MostJwtsWaiting);
    private readonly SourceRate<string> _jwts = new(ProtocolLimits.JwtsPerSecond, ProtocolLimits.JwtBurst, time);

    public override async Task<CertificateResponse> SignWorkload(SignWorkloadRequest request, ServerCallContext context)
    {
        string node = authenticator.Authenticate(context).Node;
        RequireWorld();
        ResourceCatalog world = publisher.Current;
        WorkloadInfo workload = RequireWorkload(world, node, request.WorkloadUid);
        CertificateResponse response = await SignAsync(node, request.CsrDer, workload.Identity, world.Mesh, context.CancellationToken);

        // An authority outside may have taken its time, in which the node was revoked.
        authenticator.Authenticate(context);
        return response;
    }

    public override async Task<SignJwtResponse> SignJwt(SignJwtRequest request, ServerCallContext context)
    {
        string node = authenticator.Authenticate(context).Node;
        RequireWorld();
        WorkloadInfo workload = RequireWorkload(publisher.Current, node, request.WorkloadUid);
        if (JwtSvid.CheckAudience(request.Audience) is { } wrong) throw new RpcException(new Status(StatusCode.InvalidArgument, wrong));
        if (!authority.SignsJwts) return new SignJwtResponse { Unsupported = "the controller's authority is one that signs none; its own does, and a SPIRE server that signs each certificate" };
        if (!_jwts.TryTake(node)) throw ServiceFailures.Overloaded($"node {node} has more than {ProtocolLimits.JwtsPerSecond} tokens a second signed", JwtRetry);
        using IDisposable place = await _signingJwts.TryEnterAsync(node, context.CancellationToken)
            ?? throw ServiceFailures.Overloaded($"node {node} waits for {MostJwtsAtOnce + MostJwtsWaiting} tokens already", JwtRetry);
        IssuedJwt issued;
        try
        {
            issued = await authority.SignJwtAsync(workload.Identity, request.Audience, context.CancellationToken);
        }
        catch (AuthorityException e)
        {
            ApiLog.Refused(logger, node, workload.Identity.ToString(), e.Message);
            throw ServiceFailures.ToRpc(e);
        }

        // As for certificates: the node may have been revoked meanwhile.
        authenticator.Authenticate(context);
        ApiLog.JwtSigned(logger, node, workload.Identity.ToString(), issued.ExpiresAt);
        return new SignJwtResponse { Token = issued.Token, Identity = workload.Identity.ToString(), IssuedAt = issued.IssuedAt.ToTimestamp(), ExpiresAt = issued.ExpiresAt.ToTimestamp() };
    }

    public override async Task<CertificateResponse> JoinNode(JoinNodeRequest request, ServerCallContext context)
    {
        // What is longer is not told back to whoever has sent it.
        if (request.Node.Length > Schema.Names.LongestSubdomain) throw new RpcException(new Status(StatusCode.InvalidArgument, $"the name of a node has at most {Schema.Names.LongestSubdomain} characters"));
        if (Schema.Names.Subdomain(request.Node) is { } invalid) throw new RpcException(new Status(StatusCode.InvalidArgument, invalid));
        HttpContext http = context.GetHttpContext();
        JoinTurn? turn = http.Features.Get<IConnectionItemsFeature>()?.Items.TryGetValue(JoinTurn.Key, out object? kept) == true ? (JoinTurn?)kept : null;
        if (turn?.TryTake() == false) throw ServiceFailures.Overloaded("this connection asks for a node certificate already", JoinRetry);
        try
        {
            return await JoinAsync(request, ConnectionGate.SourceOf(http.Connection.RemoteIpAddress), context.CancellationToken);
        }
        finally
        {
            turn?.Release();
        }
    }

    public override async Task<CertificateResponse> RenewNode(RenewNodeRequest request, ServerCallContext context)
    {
        NodeCaller caller = authenticator.Authenticate(context, isRenewal: true);
        RequireWorld();
        CertificateResponse response = await SignNodeAsync(caller.Node, request.CsrDer, context.CancellationToken);

        // As above: what was signed after it was revoked would count as the node's again.
        authenticator.Authenticate(context, isRenewal: true);
        return NoteIssued(caller.Node, response, caller.Certificate?.Fingerprint);
    }

    // One answer for all refusals: a node learns nothing about workloads that are not its own.
    private WorkloadInfo RequireWorkload(ResourceCatalog world, string node, string uid)
    {
        WorkloadInfo workload = world.FindWorkload(uid) is { Enrolled: true } found && found.Node == node ? found : throw Refused(node, uid, $"workload '{uid}' is not in the mesh on node '{node}'");
        return world.Mesh.Revoked.Contains(workload.Identity) ? throw Refused(node, uid, $"{workload.Identity} is revoked: spec.revoked.identities of the MeshConfig names it") : workload;
    }

    private async Task<CertificateResponse> JoinAsync(JoinNodeRequest request, IPAddress source, CancellationToken cancellationToken)
    {
        RequireWorld();
        NodeEvidence evidence = new(request.Node, request.Token) { Source = source };
        try
        {
            // What follows may ask the node to try again: only with evidence that is good, and without using it up. An authority outside may not answer, so it is asked before; of two requests with one token
            // only that which uses it up gets what was signed.
            if (await attestor.VerifyAsync(evidence, cancellationToken) != request.Node)
                throw new AttestationException(AttestationFailure.OtherNode, "what the node shows is of another node");
            RequireLaterThanRevocation(request.Node);
            CertificateResponse response = await SignNodeAsync(request.Node, request.CsrDer, cancellationToken);
            await attestor.ConsumeAsync(evidence, cancellationToken);
            ApiLog.Joined(logger, request.Node);
            return NoteIssued(request.Node, response);
        }
        catch (AttestationException e)
        {
            LogRefusal(request.Node, e.Message);
            throw ServiceFailures.ToRpc(e);
        }
    }

    private void LogRefusal(string node, string reason)
    {
        if (!_joinRefusals.TryTake(out long unsaid)) return;
        if (unsaid > 0) ApiLog.JoinRefusalsUnsaid(logger, unsaid, LogQuota.Most, LogQuota.Interval.TotalSeconds);
        ApiLog.JoinRefused(logger, node, reason);
    }

    /// <summary>The trust domain and the lifetime of certificates are the objects' to say: nothing is signed, and no evidence used up, before they were read.</summary>
    private void RequireWorld()
    {
        if (!publisher.Current.IsPublished) throw ServiceFailures.Unavailable("the controller has not read its objects yet");
    }

    /// <summary>Certificates count in whole seconds: one made in the second of a revocation would be taken for one made before.</summary>
    private void RequireLaterThanRevocation(string node)
    {
        if (nodes.RevokedAt(node) is not { } revoked) return;
        if (revoked == DateTimeOffset.MaxValue)
            throw new RpcException(new Status(StatusCode.FailedPrecondition, $"what the controller has noted of the revocation of {node} can't be read: see its log"));
        DateTimeOffset now = time.GetUtcNow();
        if (revoked <= now && now - revoked < TimeSpan.FromSeconds(1))
            throw ServiceFailures.Unavailable("the node's certificates were revoked less than a second ago; the token was not used up, try again", TimeSpan.FromSeconds(1));
    }

    private Task<CertificateResponse> SignNodeAsync(string node, ByteString csr, CancellationToken cancellationToken)
    {
        MeshSettings mesh = publisher.Current.Mesh;
        return SignAsync(node, csr, SpiffeId.ForNode(mesh.TrustDomain, node), mesh, cancellationToken);
    }

    private CertificateResponse NoteIssued(string node, CertificateResponse response, string? askedWith = null)
    {
        string signed = CertificateFingerprint.Of(response.ChainDer[0].Span);
        try
        {
            nodes.NoteIssued(node, response.NotBefore.ToDateTimeOffset() + authority.Backdating, response.NotAfter.ToDateTimeOffset(), askedWith is null ? [signed] : [signed, askedWith]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            ApiLog.NotNoted(logger, node, e.Message);
        }
        return response;
    }

    private async Task<CertificateResponse> SignAsync(string node, ByteString csr, SpiffeId identity, MeshSettings mesh, CancellationToken cancellationToken)
    {
        IssuedCertificate issued;
        try
        {
            issued = await authority.SignAsync(
                new() { Csr = csr.Memory, Identity = identity, Lifetime = mesh.CertificateLifetime, Jitter = mesh.CertificateLifetimeJitter }, cancellationToken);
        }
        catch (AuthorityException e)
        {
            metrics.Failed(e.Reason);
            ApiLog.Refused(logger, node, identity.ToString(), e.Message);
            throw ServiceFailures.ToRpc(e);
        }
        metrics.Issued();
        ApiLog.Signed(logger, node, identity.ToString(), SvidReader.SerialOf(issued.Chain[0]), issued.NotAfter);
        var response = new CertificateResponse
        {
            Identity = identity.ToString(),
            NotBefore = issued.NotBefore.ToTimestamp(),
            NotAfter = issued.NotAfter.ToTimestamp(),
        };
        Add(response.ChainDer, issued.Chain);
        Add(response.RootsDer, authority.Roots);
        return response;
    }

    private RpcException Refused(string node, string what, string reason)
    {
        string shown = NodeText.Line(reason, LongestShown);
        ApiLog.Refused(logger, node, NodeText.Line(what, LongestShown), shown);
        return new(new Status(StatusCode.PermissionDenied, shown));
    }

    private static void Add(Google.Protobuf.Collections.RepeatedField<ByteString> target, ImmutableArray<ReadOnlyMemory<byte>> certificates)
    {
        foreach (ReadOnlyMemory<byte> certificate in certificates) target.Add(ByteString.CopyFrom(certificate.Span));
    }
}

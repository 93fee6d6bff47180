using System.Text;
using Culvert.Core;
using Culvert.NodeAgent.Identity;
using Culvert.Protocol;
using Culvert.Protocol.WorkloadApi;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>
/// SPIFFE's Workload API (SPIFFE_Workload_API.md) for applications of this node's pods: each has the identity of its workload in the mesh, and no other. Codes and texts are those of a SPIRE agent, where it has any, so that
/// clients which were tried with one find nothing new. Thread-safe.
/// </summary>
/// <param name="attestor">Says which workload has connected.</param>
/// <param name="places">Bounds open calls.</param>
/// <param name="svids">Certificates of this node's workloads.</param>
/// <param name="tokens">Their tokens.</param>
/// <param name="trust">The roots in force.</param>
/// <param name="federated">The roots of other trust domains.</param>
/// <param name="revoked">What is revoked.</param>
/// <param name="changes">Told when any of it changes.</param>
/// <param name="metrics">Where answers are counted.</param>
/// <param name="time">The clock.</param>
internal sealed class WorkloadApiService(
    IWorkloadAttestor attestor, CallerPlaces places, ISvidStore svids, JwtSvidCache tokens, Func<TrustBundle> trust, Func<EquatableArray<TrustBundle>> federated, Func<RevokedCredentials> revoked, WorkloadApiChanges changes, WorkloadApiMetrics metrics, TimeProvider time)
{
    /// <summary>Longest request, bytes: a token that is to be looked at is the longest thing.</summary>
    internal const int LongestRequest = 64 * 1024;

    private const string Header = "workload.spiffe.io";

    private readonly EncodedBundles _bundles = new();

    /// <summary>The service with its methods. Bound here and not by the generated base class, as streams are sent in another form than that has for them.</summary>
    internal ServerServiceDefinition Bind() => ServerServiceDefinition.CreateBuilder()
        .AddMethod(Method(MethodType.ServerStreaming, nameof(FetchX509SVID), ProtobufMarshaller.For(X509SVIDRequest.Parser), EncodedMessage.Marshaller), FetchX509SVID)
        .AddMethod(Method(MethodType.ServerStreaming, nameof(FetchX509Bundles), ProtobufMarshaller.For(X509BundlesRequest.Parser), EncodedMessage.Marshaller), FetchX509Bundles)
        .AddMethod(Method(MethodType.Unary, nameof(FetchJWTSVID), ProtobufMarshaller.For(JWTSVIDRequest.Parser), ProtobufMarshaller.For(JWTSVIDResponse.Parser)), FetchJWTSVID)
        .AddMethod(Method(MethodType.ServerStreaming, nameof(FetchJWTBundles), ProtobufMarshaller.For(JWTBundlesRequest.Parser), EncodedMessage.Marshaller), FetchJWTBundles)
        .AddMethod(Method(MethodType.Unary, nameof(ValidateJWTSVID), ProtobufMarshaller.For(ValidateJWTSVIDRequest.Parser), ProtobufMarshaller.For(ValidateJWTSVIDResponse.Parser)), ValidateJWTSVID)
        .Build();

    /// <summary>
    /// Admits a call before the server reads its request, and gives it a place until it ends. The places bound the requests that wait to be read; callers without the header learn nothing.
    /// </summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT: the header is missing. RESOURCE_EXHAUSTED: the caller has too many calls, or begins too many.</exception>
    internal IDisposable Admit(HttpContext http)
    {
        try
        {
            RequireHeader(http);
            return places.TryCall(AttestationOf(http), out string refusal) ?? throw Error(StatusCode.ResourceExhausted, refusal);
        }
        catch (RpcException e)
        {
            metrics.Refused(NameOf(http), e.StatusCode);
            throw;
        }
    }

    /// <summary>Counts an admitted call whose request did not arrive or is invalid.</summary>
    internal void NoteRequestFailed(HttpContext http, StatusCode code)
    {
        if (code != StatusCode.Cancelled) metrics.Refused(NameOf(http), code); // the client has gone: no answer
    }

    private Task FetchX509SVID(X509SVIDRequest request, IServerStreamWriter<EncodedMessage> responseStream, ServerCallContext context) =>
        StreamAsync(nameof(FetchX509SVID), responseStream, context, w => new X509State(CertificateOf(w), Roots()), s => s.ToSvids());

    private Task FetchX509Bundles(X509BundlesRequest request, IServerStreamWriter<EncodedMessage> responseStream, ServerCallContext context) =>
        StreamAsync(nameof(FetchX509Bundles), responseStream, context, _ => Roots(), s => new EncodedMessage(s.All));

    private Task<JWTSVIDResponse> FetchJWTSVID(JWTSVIDRequest request, ServerCallContext context) => AnswerAsync(nameof(FetchJWTSVID), async () =>
    {
        AttestedCaller caller = CallerOf(context);
        WorkloadInfo workload = WorkloadOf(caller, context);
        if (JwtSvid.CheckAudience(request.Audience) is { } wrong) throw Error(StatusCode.InvalidArgument, wrong);
        if (request.SpiffeId.Length > 0)
        {
            if (!SpiffeId.TryParse(request.SpiffeId, out SpiffeId? wanted, out string? malformed)) throw Error(StatusCode.InvalidArgument, $"invalid requested SPIFFE ID: {malformed}");
            if (wanted != workload.Identity) throw Error(StatusCode.PermissionDenied, "no identity issued");
        }

        IssuedJwt jwt;
        try
        {
            jwt = await tokens.GetAsync(workload, request.Audience, context.CancellationToken);
        }
        catch (JwtsUnsupportedException e)
        {
            // Clients stop asking then: only where the controller says so itself, and not for what somebody may mend, or one that is older than its agents.
            throw Error(StatusCode.Unimplemented, $"the controller signs no JWT-SVIDs: {e.Message}");
        }
        catch (RpcException e) when (e.StatusCode != StatusCode.ResourceExhausted)
        {
            throw Error(StatusCode.Unavailable, $"could not fetch JWT-SVID: {CallFailure.Describe(e)}");
        }
        catch (Exception e) when (e is not OperationCanceledException and not OutOfMemoryException and not RpcException)
        {
            // Such as that the node has to join again, and by which file: that is for whoever runs the node.
            throw Error(StatusCode.Unavailable, "could not fetch JWT-SVID: the agent can't ask the controller now; the node's `culvert status` says why");
        }

        // Meanwhile its pod may have gone.
        WorkloadOf(caller, context);
        return new JWTSVIDResponse { Svids = { new JWTSVID { SpiffeId = jwt.Identity, Svid = jwt.Token } } };
    });

    private Task FetchJWTBundles(JWTBundlesRequest request, IServerStreamWriter<EncodedMessage> responseStream, ServerCallContext context) =>
        StreamAsync(nameof(FetchJWTBundles), responseStream, context, _ => _bundles.KeysOf(Bundle()), s => new EncodedMessage(s.All));

    // Says whether a token is good for whoever it was shown to; asked by anybody, as what it takes is no secret.
    private Task<ValidateJWTSVIDResponse> ValidateJWTSVID(ValidateJWTSVIDRequest request, ServerCallContext context) => AnswerAsync(nameof(ValidateJWTSVID), () =>
    {
        if (request.Audience.Length == 0) throw Error(StatusCode.InvalidArgument, "audience must be specified");
        if (request.Svid.Length == 0) throw Error(StatusCode.InvalidArgument, "svid must be specified");
        string? wrong = JwtSvid.Verify(Encoding.UTF8.GetBytes(request.Svid), request.Audience, Bundle(), time.GetUtcNow(), out VerifiedJwtSvid? svid);
        if (wrong is null && revoked().Contains(svid!.Id)) wrong = $"{svid.Id} is revoked";
        return wrong is null
            ? Task.FromResult(new ValidateJWTSVIDResponse { SpiffeId = svid!.Id.ToString(), Claims = Struct.Parser.ParseJson(Encoding.UTF8.GetString(svid.Claims.Span)) })
            : throw Error(StatusCode.InvalidArgument, wrong);
    });

    private static Method<TRequest, TResponse> Method<TRequest, TResponse>(MethodType type, string name, Marshaller<TRequest> request, Marshaller<TResponse> response)
        where TRequest : class
        where TResponse : class => new(type, SpiffeWorkloadAPI.Descriptor.FullName, name, request, response);

    private static string NameOf(HttpContext http) => http.Request.Path.Value is { } path ? path[(path.LastIndexOf('/') + 1)..] : "";

    private static RpcException Error(StatusCode code, string text) => new(new Status(code, text));

    // Web pages and proxies can't ask in an attacker's place: neither sends the header (SPIFFE_Workload_Endpoint.md, section 6).
    private static void RequireHeader(HttpContext http)
    {
        if (http.Request.Headers[Header] is not [{ } only] || only != "true") throw Error(StatusCode.InvalidArgument, "security header missing from request");
    }

    /// <summary>Answers a call of one answer.</summary>
    private async Task<T> AnswerAsync<T>(string method, Func<Task<T>> answer)
    {
        try
        {
            T found = await answer();
            metrics.Answered(method);
            return found;
        }
        catch (RpcException e)
        {
            metrics.Refused(method, e.StatusCode);
            throw;
        }
    }

    /// <summary>Tells a caller the state of the moment, and each one that is another.</summary>
    /// <param name="method">For the count.</param>
    /// <param name="stream">Where to.</param>
    /// <param name="context">The call.</param>
    /// <param name="look">The state, as far as it is the caller's; equal to another one where there is nothing new in it.</param>
    /// <param name="write">It as a message.</param>
    private async Task StreamAsync<TState>(string method, IServerStreamWriter<EncodedMessage> stream, ServerCallContext context, Func<WorkloadInfo, TState> look, Func<TState, EncodedMessage> write)
        where TState : class
    {
        try
        {
            AttestedCaller caller = CallerOf(context);
            TState? told = null;
            while (true)
            {
                Task changed = changes.Next;
                TState state = look(WorkloadOf(caller, context));
                if (!state.Equals(told))
                {
                    await stream.WriteAsync(write(state), context.CancellationToken);
                    metrics.Answered(method);
                    told = state;
                }
                await changed.WaitAsync(context.CancellationToken);
            }
        }
        catch (RpcException e)
        {
            metrics.Refused(method, e.StatusCode);
            throw;
        }
    }

    private static Attestation AttestationOf(HttpContext http) => CallerConnections.CallerOf(http.Features.Get<IConnectionItemsFeature>());

    private static AttestedCaller CallerOf(ServerCallContext context)
    {
        HttpContext http = context.GetHttpContext();
        Attestation found = AttestationOf(http);
        if (found.IsKnown) return found.Caller ?? throw NoIdentity(http);

        // The next connection is looked at anew.
        http.Connection.RequestClose();
        throw Error(StatusCode.Unavailable, "who has connected could not be found out; the agent's log says why");
    }

    private WorkloadInfo WorkloadOf(AttestedCaller caller, ServerCallContext context) =>
        attestor.Find(caller) is { } workload && !revoked().Contains(workload.Identity) ? workload : throw NoIdentity(context.GetHttpContext());

    // Who has connected is looked at once for a connection: it ends, so that a pod which has come into the mesh since has its identity by the next.
    private static RpcException NoIdentity(HttpContext http)
    {
        http.Connection.RequestClose();
        return Error(StatusCode.PermissionDenied, "no identity issued");
    }

    private Svid CertificateOf(WorkloadInfo workload)
    {
        Svid? svid = svids.Find(workload.Identity);
        if (svid is null) throw Error(StatusCode.Unavailable, $"there is no certificate for {workload.Identity} yet; the agent's `culvert identity list` says why");
        if (svid.NotAfter <= time.GetUtcNow()) throw Error(StatusCode.Unavailable, $"the certificate for {workload.Identity} has ended, and no other one could be had yet; the agent's `culvert identity list` says why");
        if (SvidVerifier.FindRevoked(svid.Chain, revoked()) is not null) throw Error(StatusCode.Unavailable, $"the certificate for {workload.Identity} is revoked, and another one has not come yet");
        return svid;
    }

    private EncodedRoots Roots() => _bundles.RootsOf(Bundle(), federated());

    private TrustBundle Bundle() => trust() is { Roots.IsEmpty: false } bundle ? bundle : throw Error(StatusCode.Unavailable, "the roots of the trust domain are not known yet");
}

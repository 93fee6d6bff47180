using Culvert.Core;
using Culvert.Grpc;
using Culvert.NodeAgent.Identity;
using Culvert.Protocol.WorkloadApi;
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
/// <param name="trust">The roots in force.</param>
/// <param name="revoked">What is revoked.</param>
/// <param name="changes">Told when any of it changes.</param>
/// <param name="metrics">Where answers are counted.</param>
/// <param name="time">The clock.</param>
internal sealed class WorkloadApiService(
    IWorkloadAttestor attestor, CallerPlaces places, ISvidStore svids, Func<TrustBundle> trust, Func<RevokedCredentials> revoked, WorkloadApiChanges changes, WorkloadApiMetrics metrics, TimeProvider time) : SpiffeWorkloadAPI.SpiffeWorkloadAPIBase
{
    /// <summary>Longest request, bytes: a token that is to be looked at is the longest thing.</summary>
    internal const int LongestRequest = 64 * 1024;

    private const string Header = "workload.spiffe.io";

    /// <inheritdoc/>
    public override Task FetchX509SVID(X509SVIDRequest request, IServerStreamWriter<X509SVIDResponse> responseStream, ServerCallContext context) =>
        StreamAsync("FetchX509SVID", responseStream, context, w => new X509State(CertificateOf(w), Bundle()), s => s.ToSvids());

    /// <inheritdoc/>
    public override Task FetchX509Bundles(X509BundlesRequest request, IServerStreamWriter<X509BundlesResponse> responseStream, ServerCallContext context) =>
        StreamAsync("FetchX509Bundles", responseStream, context, _ => new X509State(null, Bundle()), s => s.ToBundles());

    private static RpcException Error(StatusCode code, string text) => new(new Status(code, text));

    // So that whoever would have a web page or a proxy ask in its place can't: neither sends it (SPIFFE_Workload_Endpoint.md, section 6).
    private static void RequireHeader(ServerCallContext context)
    {
        string? only = null;
        foreach (Metadata.Entry entry in context.RequestHeaders)
        {
            if (entry.Key != Header) continue;
            if (only is not null || entry.Value != "true") throw Error(StatusCode.InvalidArgument, "security header missing from request");
            only = entry.Value;
        }
        if (only is null) throw Error(StatusCode.InvalidArgument, "security header missing from request");
    }

    /// <summary>Tells a caller the state of the moment, and each one that is another.</summary>
    /// <param name="method">For the count.</param>
    /// <param name="stream">Where to.</param>
    /// <param name="context">The call.</param>
    /// <param name="look">The state, as far as it is the caller's.</param>
    /// <param name="write">It as a message.</param>
    private async Task StreamAsync<TState, TMessage>(string method, IServerStreamWriter<TMessage> stream, ServerCallContext context, Func<WorkloadInfo, TState> look, Func<TState, TMessage> write)
        where TState : class, IEquatable<TState>
    {
        try
        {
            RequireHeader(context);
            AttestedCaller caller = CallerOf(context);
            using IDisposable place = TakePlace(caller);
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

    private IDisposable TakePlace(AttestedCaller caller) => places.TryCall(caller.Uid) ?? throw Error(StatusCode.ResourceExhausted, $"this workload has {CallerPlaces.MostCalls} open calls, and can have no more");

    private AttestedCaller CallerOf(ServerCallContext context)
    {
        HttpContext http = context.GetHttpContext();
        return CallerConnections.CallerOf(http.Features.Get<IConnectionItemsFeature>()) ?? throw NoIdentity(http);
    }

    private WorkloadInfo WorkloadOf(AttestedCaller caller, ServerCallContext context) =>
        attestor.Find(caller) is { } workload && !revoked().Contains(workload.Identity) ? workload : throw NoIdentity(context.GetHttpContext());

    // Who has connected is looked at once for a connection: it ends, so that a pod which comes into the mesh is another one's at the next.
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

    private TrustBundle Bundle() => trust() is { Roots.IsEmpty: false } bundle ? bundle : throw Error(StatusCode.Unavailable, "the roots of the trust domain are not known yet");
}

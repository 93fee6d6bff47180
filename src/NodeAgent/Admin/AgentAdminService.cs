using Culvert.Core;
using Culvert.NodeAgent.Telemetry;
using Culvert.Protocol;
using Grpc.Core;
using Wire = Culvert.Protocol.V1;

namespace Culvert.NodeAgent.Admin;

/// <summary>The agent's side of <c>culvert status, identity, flows, top, explain, detach</c>. Thread-safe.</summary>
internal sealed class AgentAdminService(IAdminBackend agent, IdentityAdmin identities, FlowLog flows, AgentMetrics metrics) : Wire.AdminService.AdminServiceBase
{
    public override async Task<Wire.StatusResponse> Status(Wire.StatusRequest request, ServerCallContext context) => await agent.StatusAsync();

    public override Task<Wire.ExplainResponse> Explain(Wire.ExplainRequest request, ServerCallContext context)
    {
        PathOracle oracle = agent.Oracle;
        Wire.ExplainResponse answer = TunnelExplainer.IsAsked(request) ? TunnelExplainer.Explain(oracle, agent.Believed, request) : Explainer.Explain(oracle, request);
        ClosedPolicyExplainer.Correct(answer, agent.Closed, oracle);
        return Task.FromResult(answer);
    }

    public override Task<Wire.RequestsResponse> Requests(Wire.RequestsRequest request, ServerCallContext context) => Task.FromResult(RequestCountMapping.ToWire(metrics));

    public override Task<Wire.IdentitiesResponse> Identities(Wire.IdentitiesRequest request, ServerCallContext context) => Task.FromResult(identities.List(request));

    public override Task<Wire.RotateIdentitiesResponse> RotateIdentities(Wire.RotateIdentitiesRequest request, ServerCallContext context) => identities.RotateAsync(request, context.CancellationToken);

    public override Task<Wire.DumpSnapshotResponse> DumpSnapshot(Wire.DumpSnapshotRequest request, ServerCallContext context)
    {
        NodeSnapshot snapshot = agent.Oracle.World.Snapshot;
        Wire.DumpSnapshotResponse response = new() { Version = snapshot.Version };
        response.Resources.AddRange(snapshot.ToResources());
        return Task.FromResult(response);
    }

    public override async Task<Wire.DetachResponse> Detach(Wire.DetachRequest request, ServerCallContext context)
    {
        Wire.DetachResponse response = new();
        response.Removed.AddRange(await agent.DetachAsync(context.CancellationToken));
        return response;
    }

    public override async Task Flows(Wire.FlowsRequest request, IServerStreamWriter<Wire.Flow> responseStream, ServerCallContext context)
    {
        (IReadOnlyList<FlowRecord> last, FlowFollower follower) = flows.Follow();
        using (follower)
        {
            foreach (FlowRecord record in last.Where(r => FlowFilterMatcher.Matches(request.Filter, r)).TakeLast((int)Math.Min(request.Last, int.MaxValue)))
            {
                await responseStream.WriteAsync(FlowMapping.ToWire(record, agent.Oracle.World.Snapshot), context.CancellationToken);
            }
            if (!request.Follow) return;
            await foreach (FlowRecord record in follower.Reader.ReadAllAsync(context.CancellationToken))
            {
                if (FlowFilterMatcher.Matches(request.Filter, record)) await responseStream.WriteAsync(FlowMapping.ToWire(record, agent.Oracle.World.Snapshot), context.CancellationToken);
            }
        }
    }
}

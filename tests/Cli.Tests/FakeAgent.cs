using System.Net;
using Culvert.GrpcHosting;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Culvert.Cli.Tests;

/// <summary>An agent's admin service with answers set by the test.</summary>
internal sealed class FakeAgent : AdminService.AdminServiceBase, IAsyncDisposable
{
    private readonly WebApplication _app;
    private int _requestsAsked;

    private FakeAgent()
    {
        Socket = Path.Combine(Path.GetTempPath(), $"cv-{Guid.NewGuid():N}.sock");
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseGrpcUnixSocket(Socket);
        builder.Services.AddGrpc();
        _app = builder.Build();
        _app.MapGrpcService(AdminService.BindService(this));
    }

    public string Socket { get; }

    public FlowsRequest? LastFlows { get; private set; }

    public ExplainRequest? LastExplain { get; private set; }

    public Verdict ExplainVerdict { get; set; } = Verdict.Allow;

    /// <summary>The node that decides instead of this one; null when this one does.</summary>
    public string? DecidedBy { get; set; }

    public bool Ready { get; set; } = true;

    public string ExplainReason { get; set; } = "because";

    /// <summary>What it tells of identities.</summary>
    public IdentitiesResponse Held { get; } = new();

    /// <summary>What comes of renewals.</summary>
    public RotateIdentitiesResponse Rotations { get; } = new();

    public List<RotateIdentitiesRequest> RotationsAsked { get; } = [];

    public static async Task<FakeAgent> StartAsync()
    {
        var agent = new FakeAgent();
        await agent._app.StartAsync();
        return agent;
    }

    public override Task<StatusResponse> Status(StatusRequest request, ServerCallContext context)
    {
        var status = new StatusResponse { Node = "node1", AgentVersion = "9.9", Pid = 7, Ready = Ready, SnapshotVersion = 3, Started = Timestamp.FromDateTimeOffset(DateTimeOffset.UnixEpoch) };
        status.Workloads.Add(new EnrolledWorkload { Uid = "shop/web", Identity = "spiffe://t/ns/shop/sa/web", Interface = "veth1" });
        status.Workloads[0].Addresses.Add(ByteString.CopyFrom(IPAddress.Parse("10.1.2.3").GetAddressBytes()));
        status.Workloads[0].Addresses.Add(ByteString.CopyFrom(IPAddress.Parse("fd00::1").GetAddressBytes()));
        status.Drops["policy-deny"] = 4;
        (status.ObjectErrors, status.ObjectWarnings) = (1, 0);
        (status.RejectedObjects, status.LastGoodObjects, status.PartialObjects) = (0, 1, 2);
        status.Problems.Add(new ObjectProblem { Severity = ProblemSeverity.Error, File = "mesh.yaml", Line = 4, Object = "MeshConfig default", Field = "spec.mtls.mode", Reason = "'OFF' is wrong", LastGoodInForce = true });
        return Task.FromResult(status);
    }

    public override async Task Flows(FlowsRequest request, IServerStreamWriter<Flow> responseStream, ServerCallContext context)
    {
        LastFlows = request;
        for (var i = 0; i < 2; i++)
        {
            await responseStream.WriteAsync(new Flow
            {
                Time = Timestamp.FromDateTimeOffset(DateTimeOffset.UnixEpoch),
                Event = FlowEvent.Denied,
                Verdict = Verdict.Deny,
                Reason = "policy-no-allow",
                Path = FlowPath.Direct,
                Source = new FlowEndpoint { WorkloadUid = "shop/guest", Address = ByteString.CopyFrom(10, 1, 2, 4), Port = 40_000 },
                Destination = new FlowEndpoint { WorkloadUid = "shop/web", Address = ByteString.CopyFrom(10, 1, 2, 3), Port = 8080 },
                Rule = new RuleReference { Policy = "shop/web", RuleIndex = -1, SourceReference = "policy.yaml:3" },
            });
        }
    }

    // Ten requests more each time that it is asked.
    public override Task<RequestsResponse> Requests(RequestsRequest request, ServerCallContext context)
    {
        var asked = (ulong)Interlocked.Increment(ref _requestsAsked);
        RequestCounts counts = new() { ByClass = { asked, 0, 8 * asked, 0, asked, 0, 0 }, ByDuration = { 0, 10 * asked, 0 } };
        return Task.FromResult(new RequestsResponse
        {
            DurationBounds = { 0.001, 0.002 },
            Routes = { new RouteRequests { Kind = "HTTPRoute", Namespace = "shop", Route = "web", Rule = "0", BackendNamespace = "shop", Backend = "web-v1", Counts = counts } },
            Workloads = { new WorkloadRequests { Reporter = "source", Source = "shop/client", Destination = "shop/web-1", Counts = counts } },
        });
    }

    public override Task<ExplainResponse> Explain(ExplainRequest request, ServerCallContext context)
    {
        LastExplain = request;
        if (request.Destination == "shop/nothing")
        {
            throw new RpcException(new Status(StatusCode.NotFound, "no workload, service or address 'shop/nothing'"));
        }

        var answer = new ExplainResponse { Verdict = ExplainVerdict, Reason = ExplainReason, Path = FlowPath.Tunnel };
        answer.Steps.Add("first this");
        if (request.Source.StartsWith("spiffe://", StringComparison.Ordinal))
        {
            answer.Source = new FlowEndpoint { Identity = request.Source };
            if (request.SourceAddress.Length > 0)
            {
                answer.Source.Address = ByteString.CopyFrom(IPAddress.Parse(request.SourceAddress).GetAddressBytes());
            }
        }

        if (DecidedBy is { } node)
        {
            (answer.Verdict, answer.Reason, answer.DecidedByNode) = (Verdict.Unspecified, "", node);
        }

        return Task.FromResult(answer);
    }

    public override Task<IdentitiesResponse> Identities(IdentitiesRequest request, ServerCallContext context)
    {
        var answer = Held.Clone();
        if (request.Identity.Length == 0)
        {
            return Task.FromResult(answer);
        }

        var one = answer.Identities.FirstOrDefault(i => i.Identity == request.Identity) ?? throw new RpcException(new Status(StatusCode.NotFound, $"this node has no identity '{request.Identity}'"));
        answer.Identities.Clear();
        answer.Identities.Add(one);
        return Task.FromResult(answer);
    }

    public override Task<RotateIdentitiesResponse> RotateIdentities(RotateIdentitiesRequest request, ServerCallContext context)
    {
        RotationsAsked.Add(request);
        return Task.FromResult(Rotations);
    }

    public override Task<DumpSnapshotResponse> DumpSnapshot(DumpSnapshotRequest request, ServerCallContext context) =>
        Task.FromResult(new DumpSnapshotResponse());

    public override Task<DetachResponse> Detach(DetachRequest request, ServerCallContext context) => Task.FromResult(new DetachResponse());

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        File.Delete(Socket);
    }
}

using System.Net;
using Culvert.Core;
using Culvert.NodeAgent.Admin;
using Culvert.NodeAgent.Cni.Install;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Datapath.Delivery;
using Culvert.NodeAgent.Datapath.Inside;
using Culvert.NodeAgent.Identity;
using Culvert.NodeAgent.Mesh;
using Culvert.NodeAgent.Options;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Snapshots;
using Culvert.NodeAgent.Telemetry;
using Culvert.Protocol;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Wire = Culvert.Protocol.V1;

namespace Culvert.NodeAgent.Hosting;

/// <summary>Answers the admin service from the parts of one agent. Thread-safe.</summary>
internal sealed class AgentBackend(
    AgentOptions options, MeshDirectory directory, SnapshotClient client, INodeIdentity own, ISvidStore svids, TunnelTrust trust, ProxyServer proxy, ProgramAttacher attacher, XdpAttacher xdp, PodCapture inside, DatapathMaps maps,
    FlowSweeper sweeper, DatapathState state, DirectPathKeeper directPath, TunnelSourceKeeper tunnelSource, CaptureNat nat, DeliveryKeeper deliveries, CniInstaller? installer, HealthState health, DrainClock drain, DateTimeOffset started, Func<CancellationToken, Task<IReadOnlyList<string>>> detach) : IAdminBackend
{
    public PathOracle Oracle => directory.View.Oracle;

    public IReadOnlyCollection<ClosedPolicy> Closed => state.Current.Closed;

    public BelievedPeers Believed => new(trust.Federated, trust.Revoked);

    public Task<IReadOnlyList<string>> DetachAsync(CancellationToken cancellationToken) => detach(cancellationToken);

    public async Task<Wire.StatusResponse> StatusAsync()
    {
        ControllerStatus controller = client.Status;
        DatapathInForce datapath = state.Current;
        ProxyLoopStats[] loops = await proxy.GetStatsAsync();
        Wire.StatusResponse status = new()
        {
            Node = options.NodeName,
            AgentVersion = AgentVersion.Text,
            Pid = (uint)Environment.ProcessId,
            Started = Timestamp.FromDateTimeOffset(started),
            Ready = health.IsReady,
            ControllerAddress = options.Controller.ToString(),
            ControllerConnected = controller.Connected,
            ControllerError = controller.Error,
            SnapshotVersion = Oracle.World.Snapshot.Version,
            SnapshotError = controller.SnapshotError,
            SaveError = controller.SaveError,
            TranslationError = nat.Failure ?? "",
            DeliveryError = deliveries.Failure ?? "",
            CniError = installer?.Failure ?? "",
            OpenConnections = (uint)loops.Sum(l => l.Connections),
            OpenTunnels = (uint)loops.Sum(l => l.ClientTunnels + l.ServerTunnels),
        };
        Wire.Mesh settings = Oracle.World.Snapshot.Mesh.ToWire();
        DirectPathInForce path = directPath.Current;
        status.DirectPath = new Wire.DirectPathStatus { Configured = settings.DirectPath, Redirects = path.IsRedirect };
        status.DirectPath.Reasons.AddRange(path.Reasons.Select(r => r.Text));
        TunnelSourceInForce source = tunnelSource.Current;
        status.TunnelSource = new Wire.TunnelSourceStatus { Configured = settings.TunnelSource, IsPod = source.IsPod };
        status.TunnelSource.Reasons.AddRange(source.Reasons);
        status.ProgramsPutFirst = (ulong)(attacher.PutFirstCount + inside.PutFirstCount);
        if (controller.LastApplied is { } applied) status.SnapshotApplied = Timestamp.FromDateTimeOffset(applied);
        if (own.NotAfter is { } end) status.NodeCertificateNotAfter = Timestamp.FromDateTimeOffset(end);
        if (drain.Remaining is { } remaining) status.DrainRemaining = Duration.FromTimeSpan(remaining);
        status.Workloads.AddRange(Oracle.World.Snapshot.LocalWorkloads().Where(w => !w.IsStarting || datapath.NotCaptured.ContainsKey(w.Uid)).Concat(Oracle.World.Snapshot.RefusedWorkloads()).Select(w => Workload(w, datapath)));
        status.Programs.AddRange(attacher.List().Concat(xdp.List()).Concat(inside.List()).Select(a => new Wire.KernelProgram { Name = a.Program, Attachment = a.Hook, Interface = a.Interface, Id = a.ProgramId }));
        status.Maps.AddRange(KernelMetrics.Fill(maps, sweeper, state).Select(m => new Wire.KernelMap { Name = m.Name, Entries = (ulong)m.Entries, MaxEntries = (ulong)m.Max }));
        ObjectProblems problems = Oracle.World.Snapshot.Problems;
        status.Problems.AddRange(problems.Listed.Select(p => p.ToWire()));
        (status.ObjectErrors, status.ObjectWarnings) = ((uint)problems.Errors, (uint)problems.Warnings);
        (status.RejectedObjects, status.LastGoodObjects, status.PartialObjects) = ((uint)problems.Rejected, (uint)problems.LastGoodKept, (uint)problems.InPart);
        foreach ((string reason, ulong count) in KernelMetrics.Drops(maps)) status.Drops[reason] = count;
        return status;
    }

    private Wire.EnrolledWorkload Workload(WorkloadInfo workload, DatapathInForce datapath)
    {
        LocalEndpoint? endpoint = datapath.Endpoints.FirstOrDefault(e => e.Workload.Uid == workload.Uid);
        Wire.EnrolledWorkload result = new()
        {
            Uid = workload.Uid,
            Identity = workload.Identity.ToString(),
            Interface = endpoint?.Interface ?? "",
            HostStackReason = endpoint?.HostStackReason ?? "",
            InsideReason = endpoint?.Inside?.Reason ?? "",
            MtlsMode = workload.MtlsMode == MtlsMode.Strict ? Wire.MtlsMode.Strict : Wire.MtlsMode.Permissive,
            Error = datapath.NotCaptured.GetValueOrDefault(workload.Uid) ?? endpoint?.Fault ?? "",
            State = StateOf(workload, endpoint, datapath),
            PolicyError = datapath.Closed.Any(c => c.Workload == workload.Uid) ? ClosedPolicyExplainer.Why : "",
        };
        foreach (IPAddress address in workload.Addresses) result.Addresses.Add(ByteString.CopyFrom(address.GetAddressBytes()));
        result.Policies.AddRange(workload.PolicyNames.Select(p => new PolicyReference(p).ToString()).Concat(workload.NetworkPolicyNames.Select(p => new PolicyReference(p, PolicyKind.NetworkPolicy).ToString()))
            .Concat(workload.RequestAuthenticationNames.Select(p => new PolicyReference(p, PolicyKind.RequestAuthentication).ToString())));
        SvidState? held = svids.List().FirstOrDefault(s => s.Id == workload.Identity);
        if (held?.Svid is { } svid) result.CertificateNotAfter = Timestamp.FromDateTimeOffset(svid.NotAfter);
        else if (held?.LastError is { } error) result.CertificateError = error;
        return result;
    }

    private static Wire.CaptureState StateOf(WorkloadInfo workload, LocalEndpoint? endpoint, DatapathInForce datapath) => endpoint switch
    {
        { Fault: not null } => Wire.CaptureState.Undelivered,
        not null => Wire.CaptureState.Captured,
        null => datapath.Blocked.ContainsKey(workload.Uid) ? Wire.CaptureState.Blocked : Wire.CaptureState.NotCaptured,
    };
}

using System.Security.Cryptography.X509Certificates;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Identity;
using Culvert.NodeAgent.Snapshots;
using Culvert.NodeAgent.Telemetry.Metrics;
using Culvert.Protocol;

namespace Culvert.NodeAgent.Hosting;

/// <summary>Gauges over the agent's own state, read when scraped.</summary>
internal static class AgentGauges
{
    internal static void Register(MetricRegistry registry, SnapshotClient client, INodeIdentity own, ISvidStore svids, TunnelTrust trust, DatapathState state, TimeProvider time)
    {
        registry.Add(new CallbackFamily("culvert_controller_connected", "1 while a snapshot stream is open.", "gauge", [], () => CallbackSample.Single(client.Status.Connected ? 1 : 0)));
        registry.Add(new CallbackFamily("culvert_snapshot_version", "Version of the snapshot in force.", "gauge", [], () => CallbackSample.Single(client.Current.Version)));
        registry.Add(new CallbackFamily("culvert_snapshot_age_seconds", "Time since the snapshot in force was applied.", "gauge", [],
            () => client.Status.LastApplied is { } applied ? CallbackSample.Single((time.GetUtcNow() - applied).TotalSeconds) : []));
        registry.Add(new CallbackFamily("culvert_object_problems", "Problems of the controller's objects, as the snapshot in force tells them.", "gauge", ["severity"],
            () => [new CallbackSample(["error"], client.Current.Problems.Errors), new CallbackSample(["warning"], client.Current.Problems.Warnings)]));
        registry.Add(new CallbackFamily("culvert_datapath_generation", "Generation of the kernel's tables.", "gauge", [], () => CallbackSample.Single(state.Current.Generation)));
        registry.Add(new CallbackFamily("culvert_workloads_captured", "Workloads of this node whose packets are captured.", "gauge", [], () => CallbackSample.Single(state.Current.Endpoints.Length)));
        registry.Add(new CallbackFamily("culvert_workloads_not_captured", "Workloads of this node whose packets are not captured; the agent's status says why.", "gauge", [], () => CallbackSample.Single(state.Current.NotCaptured.Count)));
        registry.Add(new CallbackFamily("culvert_workloads_policy_closed", "Workloads of this node for which the kernel refuses what it decides about, as there is no room for their policies.", "gauge", [], () => CallbackSample.Single(state.Current.Closed.Select(c => c.Workload).Distinct().Count())));
        registry.Add(new CallbackFamily("culvert_workloads_undelivered", "Captured workloads of this node of which something here keeps packets from the proxy; the agent's status says what.", "gauge", [], () => CallbackSample.Single(state.Current.Endpoints.Count(e => e.Fault is not null))));
        registry.Add(new CallbackFamily("culvert_certificate_expiry_timestamp_seconds", "End of validity of the certificate in use, Unix seconds.", "gauge", ["identity"],
            () => svids.List().Where(s => s.Svid is not null).Select(s => new CallbackSample([s.Id.ToString()], s.Svid!.NotAfter.ToUnixTimeSeconds()))));
        registry.Add(new CallbackFamily("culvert_identities_without_certificate", "Identities of this node's workloads for which no certificate was had yet; their connections to other nodes fail.", "gauge", [],
            () => CallbackSample.Single(svids.List().Count(s => s.Svid is null))));
        registry.Add(new CallbackFamily("culvert_node_certificate_expiry_timestamp_seconds", "End of validity of the certificate that the node shows to the controller, Unix seconds.", "gauge", [],
            () => own.NotAfter is { } end ? CallbackSample.Single(end.ToUnixTimeSeconds()) : []));
        registry.Add(new CallbackFamily("culvert_trust_bundle_root_expiry_timestamp_seconds", "End of validity of each root of the trust bundle in force, Unix seconds.", "gauge", ["fingerprint"], () => trust.InForce.Roots.Select(RootExpiry)));
        registry.Add(new CallbackFamily("culvert_spire_agent_connected", "1 while the SPIRE agent that gives certificates is connected; no series where the controller gives them.", "gauge", [],
            () => svids.IsConnected is { } connected ? CallbackSample.Single(connected ? 1 : 0) : []));
        registry.Add(new CallbackFamily("culvert_build_info", "Version of this build.", "gauge", ["version"], () => [new CallbackSample([AgentVersion.Text], 1)]));
    }

    private static CallbackSample RootExpiry(ReadOnlyMemory<byte> der)
    {
        using X509Certificate2 root = X509CertificateLoader.LoadCertificate(der.Span);
        return new CallbackSample([CertificateFingerprint.ShortOf(der.Span)], new DateTimeOffset(root.NotAfter).ToUnixTimeSeconds());
    }
}

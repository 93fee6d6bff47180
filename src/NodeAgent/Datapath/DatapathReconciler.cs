using System.Collections.Immutable;
using System.Diagnostics;
using Culvert.Core;
using Culvert.Interop.Bpf;
using Culvert.NodeAgent.Options;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// Brings the kernel in line with a snapshot: finds links, compiles, writes a generation, attaches and detaches programs. Called by one
/// task at a time.
/// </summary>
internal sealed class DatapathReconciler(
    DatapathPrograms programs, ProgramAttacher attacher, XdpAttacher xdp, XdpUse use, GenerationWriter writer, Func<ILinks> look, PolicyIdFile ids, InterfaceOwners owners, IReadOnlyList<string> uplinks,
    DatapathState state, ILogger logger)
{
    /// <summary>
    /// Puts a snapshot into force. When it throws, the generation before is still in force.
    /// </summary>
    internal void Apply(NodeSnapshot snapshot)
    {
        long start = Stopwatch.GetTimestamp();
        ILinks links = look();
        LinkPlan plan = LinkPlan.Make(snapshot, links, owners.All, uplinks);
        ImmutableArray<LocalEndpoint> endpoints = plan.Endpoints;
        CompiledPolicy policy = PolicyCompiler.Compile(snapshot, endpoints.Select(e => e.Workload.Uid).ToHashSet(StringComparer.Ordinal), ids.Ids);
        ids.Save();
        uint number = unchecked(writer.Current + 1);
        Generation next = GenerationBuilder.Build(number == 0 ? 1 : number, snapshot, policy, endpoints, links.NodeAddresses);

        // Pods that left the mesh go back to plain forwarding before the tables forget them; new pods are guarded only after the tables know them.
        IReadOnlyList<LinkState> express = WantsXdp(endpoints) ? plan.Uplinks : [];
        xdp.KeepOnly(express.Select(u => u.Name).ToHashSet(StringComparer.Ordinal));
        attacher.KeepOnly(plan.Pods.Select(p => p.Interface).Concat(plan.Uplinks.Select(u => u.Name)).ToHashSet(StringComparer.Ordinal));
        owners.Set(plan.Pods);
        writer.Apply(next);
        foreach (InterfaceOwner pod in plan.Pods)
        {
            attacher.Attach(programs.ToPod, pod.Interface, pod.Index, TcDirection.Egress);
            attacher.Attach(programs.FromPod, pod.Interface, pod.Index, TcDirection.Ingress);
        }
        foreach (LinkState uplink in plan.Uplinks) attacher.Attach(programs.FromNet, uplink.Name, uplink.Index, TcDirection.Ingress);
        foreach (LinkState uplink in express) xdp.Attach(uplink);

        LogMissing(plan.Missing);
        state.Current = new DatapathInForce
        {
            Generation = next.Number,
            Size = next.Size,
            Endpoints = endpoints,
            NotCaptured = plan.Missing,
            Held = plan.Held,
            NodeAddresses = [.. links.NodeAddresses],
            Uplinks = [.. plan.Uplinks.Select(u => u.Index)],
            Rules = policy.Rules.ToDictionary(r => r.Key, r => (r.Value.Policy, r.Value.RuleIndex)),
        };
        DatapathLog.Generation(logger, next.Number, next.Size.Addresses, next.Size.Policies, next.Size.Services, next.Size.Endpoints, (long)Stopwatch.GetElapsedTime(start).TotalMilliseconds);
    }

    /// <summary>Whether links, routes and node addresses still are what the generation in force was made from.</summary>
    internal bool IsCurrent(NodeSnapshot snapshot)
    {
        ILinks links = look();
        LinkPlan plan = LinkPlan.Make(snapshot, links, owners.All, uplinks);
        DatapathInForce current = state.Current;
        return plan.Endpoints.Length == current.Endpoints.Length && plan.Endpoints.Zip(current.Endpoints).All(pair => pair.First.IsSameLink(pair.Second))
            && plan.Missing.Keys.ToHashSet(StringComparer.Ordinal).SetEquals(current.NotCaptured.Keys)
            && plan.Held.SequenceEqual(current.Held)
            && current.NodeAddresses.SetEquals(links.NodeAddresses)
            && current.Uplinks.SetEquals(plan.Uplinks.Select(u => u.Index));
    }

    private bool WantsXdp(IEnumerable<LocalEndpoint> endpoints) => use switch
    {
        XdpUse.On => true,
        XdpUse.Off => false,
        _ => endpoints.Any(e => e.Workload.ProxyProtocolPorts.Concat(e.Workload.TrustedProxies.SelectMany(t => t.Ports)).Any(p => p.Protocol == TransportProtocol.Udp)),
    };

    private void LogMissing(ImmutableDictionary<string, string> missing)
    {
        foreach ((string uid, string reason) in missing)
        {
            if (state.Current.NotCaptured.GetValueOrDefault(uid) != reason) DatapathLog.NotCaptured(logger, uid, reason);
        }
    }
}

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
    DatapathPrograms programs, ProgramAttacher attacher, XdpAttacher xdp, XdpUse use, GenerationWriter writer, Func<ILinks> look, PolicyIdFile ids, IReadOnlyList<string> uplinks, DatapathState state, ILogger logger)
{
    /// <summary>
    /// Puts a snapshot into force. When it throws, the generation before is still in force.
    /// </summary>
    internal void Apply(NodeSnapshot snapshot)
    {
        long start = Stopwatch.GetTimestamp();
        ILinks links = look();
        (ImmutableArray<LocalEndpoint> endpoints, ImmutableDictionary<string, string> missing) = EndpointResolver.Resolve(snapshot, links);
        CompiledPolicy policy = PolicyCompiler.Compile(snapshot, endpoints.Select(e => e.Workload.Uid).ToHashSet(StringComparer.Ordinal), ids.Ids);
        ids.Save();
        uint number = unchecked(writer.Current + 1);
        Generation next = GenerationBuilder.Build(number == 0 ? 1 : number, snapshot, policy, endpoints, links.NodeAddresses);

        HashSet<string> pods = endpoints.Select(e => e.Interface).ToHashSet(StringComparer.Ordinal);
        IReadOnlyList<LinkState> outward = Uplinks(links, pods);
        // Pods that left the mesh go back to plain forwarding before the tables forget them; new pods are guarded only after the tables know them.
        IReadOnlyList<LinkState> express = WantsXdp(endpoints) ? outward : [];
        xdp.KeepOnly(express.Select(u => u.Name).ToHashSet(StringComparer.Ordinal));
        attacher.KeepOnly(pods.Concat(outward.Select(u => u.Name)).ToHashSet(StringComparer.Ordinal));
        writer.Apply(next);
        foreach (LocalEndpoint endpoint in endpoints)
        {
            attacher.Attach(programs.ToPod, endpoint.Interface, endpoint.Index, TcDirection.Egress);
            attacher.Attach(programs.FromPod, endpoint.Interface, endpoint.Index, TcDirection.Ingress);
        }
        foreach (LinkState uplink in outward) attacher.Attach(programs.FromNet, uplink.Name, uplink.Index, TcDirection.Ingress);
        foreach (LinkState uplink in express) xdp.Attach(uplink);

        LogMissing(missing);
        state.Current = new DatapathInForce
        {
            Generation = next.Number,
            Size = next.Size,
            Endpoints = endpoints,
            NotCaptured = missing,
            NodeAddresses = [.. links.NodeAddresses],
            Uplinks = [.. outward.Select(u => u.Index)],
            Rules = policy.Rules.ToDictionary(r => r.Key, r => (r.Value.Policy, r.Value.RuleIndex)),
        };
        DatapathLog.Generation(logger, next.Number, next.Size.Addresses, next.Size.Policies, next.Size.Services, next.Size.Endpoints, (long)Stopwatch.GetElapsedTime(start).TotalMilliseconds);
    }

    /// <summary>Whether links, routes and node addresses still are what the generation in force was made from.</summary>
    internal bool IsCurrent(NodeSnapshot snapshot)
    {
        ILinks links = look();
        (ImmutableArray<LocalEndpoint> endpoints, ImmutableDictionary<string, string> missing) = EndpointResolver.Resolve(snapshot, links);
        HashSet<string> pods = endpoints.Select(e => e.Interface).ToHashSet(StringComparer.Ordinal);
        DatapathInForce current = state.Current;
        return endpoints.Length == current.Endpoints.Length && endpoints.Zip(current.Endpoints).All(pair => pair.First.IsSameLink(pair.Second))
            && missing.Keys.ToHashSet(StringComparer.Ordinal).SetEquals(current.NotCaptured.Keys)
            && current.NodeAddresses.SetEquals(links.NodeAddresses)
            && current.Uplinks.SetEquals(Uplinks(links, pods).Select(u => u.Index));
    }

    private bool WantsXdp(IEnumerable<LocalEndpoint> endpoints) => use switch
    {
        XdpUse.On => true,
        XdpUse.Off => false,
        _ => endpoints.Any(e => e.Workload.ProxyProtocolPorts.Concat(e.Workload.TrustedProxies.SelectMany(t => t.Ports)).Any(p => p.Protocol == TransportProtocol.Udp)),
    };

    private IReadOnlyList<LinkState> Uplinks(ILinks links, IReadOnlySet<string> pods) =>
        uplinks.Count == 0 ? links.FindUplinks(pods) : [.. uplinks.Select(links.FindByName).OfType<LinkState>()];

    private void LogMissing(ImmutableDictionary<string, string> missing)
    {
        foreach ((string uid, string reason) in missing)
        {
            if (state.Current.NotCaptured.GetValueOrDefault(uid) != reason) DatapathLog.NotCaptured(logger, uid, reason);
        }
    }
}

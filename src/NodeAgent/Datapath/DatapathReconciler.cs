using System.Collections.Immutable;
using System.Diagnostics;
using Culvert.Core;
using Culvert.NodeAgent.Options;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// Brings the kernel in line with a snapshot: finds links, compiles, writes a generation, attaches and detaches programs. Called by one
/// task at a time.
/// </summary>
internal sealed class DatapathReconciler(
    InterfacePrograms interfaces, XdpUse use, GenerationWriter writer, Func<ILinks> look, PolicyIdFile ids, InterfaceOwners owners, IReadOnlyList<string> uplinks, DatapathState state, ILogger logger,
    CaptureUse capture = CaptureUse.Auto)
{
    private const int MostNamed = 20;
    private LinkPlan? _inForce;
    private IReadOnlySet<int>? _seen;

    /// <summary>Workloads that are refused for want of room, as was said last.</summary>
    private string _closed = "";

    /// <summary>Namespaces whose Services' backends have too few slots, as was said last.</summary>
    private string _coarse = "";

    /// <summary>Works out what a snapshot is at the node's links as they are now; closes links that have just come, which stay closed when what follows fails. Nothing is in force of it yet.</summary>
    internal PreparedSnapshot Prepare(NodeSnapshot snapshot)
    {
        long start = Stopwatch.GetTimestamp();
        ILinks links = look();
        EndpointPlaces places = EndpointPlaces.Find(snapshot, links, capture);
        CloseNewLinks(places, links);
        LinkPlan plan = LinkPlan.Make(places, links, owners.All, uplinks, use);
        if (interfaces.Open(plan) is { Count: > 0 } closed) plan = plan.Without(closed);
        CompiledPolicy policy = PolicyCompiler.Compile(snapshot, plan.Endpoints.Select(e => e.Workload.Uid).ToHashSet(StringComparer.Ordinal), ids.Ids, writer.MostPolicies);
        ids.Save();
        uint number = unchecked(writer.Current + 1);
        FlowShares shares = FlowShares.Of(writer.FlowEntries, plan.Endpoints.Length);
        Generation generation = GenerationBuilder.Build(number == 0 ? 1 : number, snapshot, policy, plan.Endpoints, links.NodeAddresses, shares.Pod, writer.MostSlots);
        return new PreparedSnapshot(start, links, plan, policy, generation, shares);
    }

    /// <summary>
    /// Puts the snapshot that was prepared last into force. When it throws, the generation before is in force as it was, with its programs; where that failed too, which is logged,
    /// <see cref="IsCurrent"/> is false from then on. A link that goes away meanwhile is a missing one and no failure.
    /// </summary>
    /// <param name="prepared">Made by <see cref="Prepare"/>, with nothing put into force since.</param>
    /// <param name="switched">
    /// Told true when the kernel has gone over to the snapshot and no pod that comes in with it is captured yet; told false when it has gone back and
    /// no pod that had left is captured again. Whoever evaluates captured connections by addresses changes over in it, so that none is given the identity
    /// that its address has in the other snapshot.
    /// </param>
    /// <param name="leaving">Called when the snapshot is written, before the programs of pods that leave are taken away.</param>
    internal void Apply(PreparedSnapshot prepared, Action<bool>? switched = null, Action? leaving = null)
    {
        (long start, ILinks links, LinkPlan plan, CompiledPolicy policy, Generation next, FlowShares shares) = prepared;
        writer.Shares = shares;
        writer.Write(next);
        plan = Switch(plan, _inForce ?? Found(plan, links), switched, leaving);
        writer.Finish();

        LogMissing(plan.Missing);
        LogClosed(policy.Closed);
        LogCoarse(next.CoarseNamespaces);
        foreach (InterfaceOwner gone in plan.Quarantined.Where(q => q.IsOfGonePod(plan.Snapshot)).Except(state.Current.Quarantined)) DatapathLog.PodGone(logger, gone.Workload, gone.Interface);
        state.Current = new DatapathInForce
        {
            Generation = next.Number,
            Size = next.Size,
            Endpoints = plan.Endpoints,
            NotCaptured = plan.Missing,
            Closed = policy.Closed,
            Refused = plan.Refused,
            Blocked = plan.Blocked,
            Quarantined = plan.Quarantined,
            NodeAddresses = [.. links.NodeAddresses],
            Uplinks = [.. plan.Uplinks.Select(u => u.Index)],
            HostEnds = [.. plan.HostEnds.Select(u => u.Index)],
            Rules = policy.Rules.ToDictionary(r => r.Key, r => (r.Value.Policy, r.Value.RuleIndex)),
        };
        DatapathLog.Generation(logger, next.Number, next.Size.Addresses, next.Size.Policies, next.Size.Services, next.Size.Endpoints, (long)Stopwatch.GetElapsedTime(start).TotalMilliseconds);
    }

    /// <summary>Whether links, routes and node addresses still are what the generation in force was made from, and its programs come first.</summary>
    internal bool IsCurrent(NodeSnapshot snapshot)
    {
        ILinks links = look();
        LinkPlan plan = LinkPlan.Make(EndpointPlaces.Find(snapshot, links, capture), links, owners.All, uplinks, use);
        DatapathInForce current = state.Current;
        return current.IsWhole
            && plan.Endpoints.Length == current.Endpoints.Length && plan.Endpoints.Zip(current.Endpoints).All(pair => pair.First.IsSameLink(pair.Second))
            && plan.Missing.Count == current.NotCaptured.Count && plan.Missing.All(m => current.NotCaptured.TryGetValue(m.Key, out string? known) && (known == m.Value || known.EndsWith(LinkPlan.WentAway, StringComparison.Ordinal)))
            && plan.Quarantined.SequenceEqual(current.Quarantined)
            && current.NodeAddresses.SetEquals(links.NodeAddresses)
            && current.Uplinks.SetEquals(plan.Uplinks.Select(u => u.Index))
            && current.HostEnds.SetEquals(plan.HostEnds.Select(u => u.Index))
            && interfaces.AreFirst() && !interfaces.AreLeft(plan);
    }

    // A pod whose link has only just come has no traffic yet that could be cut: the programs, which know no endpoint of it and refuse everything, come before the
    // tables do, and before it is tried whether what is captured there arrives. A pod that was there before is captured only after the switch.
    private void CloseNewLinks(EndpointPlaces places, ILinks links)
    {
        IReadOnlySet<int> now = links.Indexes;
        if (_seen is { } seen)
        {
            ImmutableArray<LocalEndpoint> added = [.. places.HostEnds.Where(e => !seen.Contains(e.Index))];
            if (!added.IsEmpty) interfaces.Attach(LinkPlan.OfPods(places.Snapshot, added));
        }
        _seen = now;
    }

    // A pod that is captured at one place and is to be at the other, its host's end or its own namespace, has programs at both for a moment; the tables in force know it at the old one only, so that the new ones refuse everything.
    private void CloseMoving(LinkPlan plan)
    {
        ImmutableArray<LocalEndpoint> moving = [.. plan.Endpoints.Where(e => e.Inside is null ? interfaces.AreInside(e.Workload.Uid) : owners.All.Any(o => o.Workload == e.Workload.Uid))];
        if (!moving.IsEmpty) interfaces.Attach(LinkPlan.OfPods(plan.Snapshot, moving));
    }

    // What an agent before has left at the node's links. That is remembered only of pods.
    private LinkPlan Found(LinkPlan plan, ILinks links) => plan with { Endpoints = [], Missing = plan.Missing.SetItems(plan.Inside.Select(e => KeyValuePair.Create(e.Workload.Uid, "nothing is in force yet"))), Quarantined = [.. owners.All.Where(o => links.FindByName(o.Interface)?.Index == o.Index)] };

    // From the generation in force to the one written, with the programs of each. Returns what has come of the plan.
    private LinkPlan Switch(LinkPlan plan, LinkPlan before, Action<bool>? switched, Action? leaving)
    {
        try
        {
            // All that can be refused for want of room is written. Pods that leave the mesh go back to plain forwarding before the tables forget them;
            // new pods are guarded only after the tables know them.
            leaving?.Invoke();
            CloseMoving(plan);
            interfaces.KeepOnly(plan);
            owners.Set(plan.Pods);
            writer.Activate();
            switched?.Invoke(true);
            IReadOnlySet<int> gone = interfaces.Attach(plan);
            if (gone.Count > 0) interfaces.KeepOnly(plan = plan.Without(gone));
        }
        catch (Exception e)
        {
            Restore(before, e, switched);
            throw;
        }
        _inForce = plan;
        return plan;
    }

    private void Restore(LinkPlan before, Exception reason, Action<bool>? switched)
    {
        DatapathLog.Restoring(logger, reason.Message);
        try
        {
            try
            {
                writer.Revert();
            }
            finally
            {
                switched?.Invoke(false);
            }
            interfaces.Attach(before);
            interfaces.KeepOnly(before);
            owners.Set(before.Pods);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            DatapathLog.NotRestored(logger, e.Message);
            state.Current = state.Current with { IsWhole = false };
        }
    }

    private void LogClosed(ImmutableArray<ClosedPolicy> policies)
    {
        string[] workloads = [.. policies.Select(p => p.Workload).Distinct()];
        string closed = Named(workloads);
        if (closed == _closed) return;
        _closed = closed;
        if (closed.Length > 0) DatapathLog.PolicyClosed(logger, writer.MostPolicies, closed);
        else DatapathLog.PolicyNotClosed(logger);
    }

    private void LogCoarse(IReadOnlyList<string> namespaces)
    {
        string coarse = Named(namespaces);
        if (coarse == _coarse) return;
        _coarse = coarse;
        if (coarse.Length > 0) DatapathLog.SharesCoarse(logger, writer.MostSlots, BackendSlots.Coarse, coarse);
        else DatapathLog.SharesNotCoarse(logger);
    }

    private static string Named(IReadOnlyList<string> names) => names.Count > MostNamed ? $"{string.Join(", ", names.Take(MostNamed))} and {names.Count - MostNamed} more" : string.Join(", ", names);

    private void LogMissing(ImmutableDictionary<string, string> missing)
    {
        foreach ((string uid, string reason) in missing)
        {
            if (state.Current.NotCaptured.GetValueOrDefault(uid) != reason) DatapathLog.NotCaptured(logger, uid, reason);
        }
    }
}

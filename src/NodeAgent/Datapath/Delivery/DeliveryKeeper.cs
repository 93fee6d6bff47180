using System.Collections.Immutable;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath.Delivery;

/// <summary>
/// Knows at which pods' links what is captured does not reach the proxy, because something of the node takes it: rules that drop it, overwrite its mark, or route it elsewhere. Such a pod is not captured there. One that has
/// been captured stays so, and status says what is the matter: to let it go would leave it without policy. Not thread-safe but for <see cref="Wake"/> and <see cref="Failure"/>: looks and snapshots are one at a time.
/// </summary>
/// <param name="probe">Tries it; null: that can't be had, and all counts as delivered.</param>
/// <param name="lost">What an agent before has found, and the next is to know.</param>
/// <param name="state">What is captured.</param>
/// <param name="logger">The agent's log.</param>
/// <param name="obstacle">Why there is no probe, where there is none.</param>
internal sealed class DeliveryKeeper(IDeliveryProbe? probe, LostDeliveries lost, DatapathState state, ILogger logger, string? obstacle = null)
{
    /// <summary>The longest time between two looks, for rules of iptables-legacy, of which nobody tells.</summary>
    internal static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    private readonly Channel<bool> _changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly Dictionary<(string Uid, int Index), Known> _known = [];
    private readonly HashSet<(string Uid, int Index)> _silent = [];
    private readonly List<string?> _doubts = [];
    private ProbeDestinations? _destinations;
    private volatile string? _failure = obstacle;
    private int _next;

    /// <summary>Has something whenever there is reason for a <see cref="Look"/>.</summary>
    internal ChannelReader<bool> Changes => _changes.Reader;

    /// <summary>Why the last tries said nothing of all or some pods, beside what a policy refuses; null when nothing stood in their way.</summary>
    internal string? Failure => _failure;

    /// <summary>Asks for a look: rules, or what is captured, may have changed.</summary>
    internal void Wake() => _changes.Writer.TryWrite(true);

    /// <summary>Why pods can't be captured at their links. Tries it, for all at once, where that is not known.</summary>
    /// <param name="pods">The pods, as they would be captured.</param>
    /// <param name="captured">Uids of those that are captured there already: what becomes of their packets is found out by <see cref="Look"/> only.</param>
    /// <param name="destinations">Whom what is captured is for.</param>
    /// <returns>By uid; none of a pod that nothing speaks against.</returns>
    internal IReadOnlyDictionary<string, string> Find(IReadOnlyList<LocalEndpoint> pods, IReadOnlySet<string> captured, ProbeDestinations destinations)
    {
        _destinations = destinations;
        LocalEndpoint[] unknown = [.. pods.Where(p => Recall(p) is null)];
        foreach (LocalEndpoint pod in unknown) Learn(pod, lost.Take(pod));
        foreach ((LocalEndpoint pod, DeliveryFinding finding) in TryUncaptured([.. unknown.Where(p => !captured.Contains(p.Workload.Uid))], destinations)) Learn(pod, finding.After(Recall(pod)?.Finding ?? default));
        Conclude();
        DeliveryFinding all = FindingOfAll();
        return pods.Select(p => (Pod: p, Reason: captured.Contains(p.Workload.Uid) ? ReasonOfCaptured(p, all) : ReasonOf(p, all))).Where(p => p.Reason is not null).ToDictionary(p => p.Pod.Workload.Uid, p => p.Reason!, StringComparer.Ordinal);
    }

    /// <summary>Tries it for all captured pods, and for one of those that can't be captured because of it.</summary>
    /// <returns>Whether something is known that was not.</returns>
    internal bool Look()
    {
        if (_destinations is null) return false;
        bool changed = LookAt(_destinations);
        if (probe is not null && _doubts.Count == 0) _failure = null; // there is nothing left to try
        Conclude();
        return changed;
    }

    private bool LookAt(ProbeDestinations to)
    {
        ImmutableArray<LocalEndpoint> endpoints = state.Current.Endpoints;
        LocalEndpoint[] captured = [.. endpoints.Where(e => e.Inside is null)];
        ForgetOldLinks(captured);
        bool changed = LookAtCaptured(captured, to);
        Dictionary<string, bool> isInside = endpoints.ToDictionary(e => e.Workload.Uid, e => e.Inside is not null);
        Known[] others = [.. _known.Values.Where(k => !isInside.TryGetValue(k.Pod.Workload.Uid, out bool inside) || inside)];
        foreach (Known known in others.Where(k => k.Finding.Lost is null)) _known.Remove(KeyOf(known.Pod));

        // What was lost at the link of one that is captured inside meanwhile is why it is: it stays there.
        return LookAtRefused([.. others.Where(k => k.Finding.Lost is not null && !isInside.ContainsKey(k.Pod.Workload.Uid))], to) || changed;
    }

    // A pod that was made anew has another link, and what became of packets at the one before says nothing any more.
    private void ForgetOldLinks(IReadOnlyList<LocalEndpoint> captured)
    {
        Dictionary<string, int> links = captured.ToDictionary(p => p.Workload.Uid, p => p.Index);
        foreach ((string uid, int index) in _known.Keys.Where(k => links.TryGetValue(k.Uid, out int now) && now != k.Index).ToArray()) _known.Remove((uid, index));
    }

    private void Learn(LocalEndpoint pod, DeliveryFinding finding)
    {
        if (finding.IsKnown) _known[KeyOf(pod)] = new Known(pod, finding);
    }

    private bool LookAtCaptured(LocalEndpoint[] pods, ProbeDestinations to)
    {
        (LocalEndpoint Pod, DeliveryFinding Finding)[] tried = Try(pods, p => p.TryCaptured(pods, to));
        if (tried.Length == 0) return false;
        DeliveryFinding all = FindingOfAll();
        Dictionary<LocalEndpoint, string?> before = tried.ToDictionary(t => t.Pod, t => ReasonOfCaptured(t.Pod, all));

        // Where the programs at the link were taken away, these are what is to be mended.
        LocalEndpoint[] ailing = [.. tried.Where(t => t.Finding.Lost is not null && ReasonOfItself(t.Pod) is null).Select(t => t.Pod)];
        HashSet<LocalEndpoint> unguarded = [.. TryUncaptured(ailing, to).Where(f => (f.Finding.IsKnown || f.Finding.IsGone) && f.Finding.Lost is null).Select(f => f.Pod)];
        _silent.Clear();
        foreach ((LocalEndpoint pod, DeliveryFinding finding) in tried.Where(t => !t.Finding.IsGone && !unguarded.Contains(t.Pod)))
        {
            if (finding.IsKnown) _known[KeyOf(pod)] = new Known(pod, finding.After(Recall(pod)?.Finding ?? default));
            else _silent.Add(KeyOf(pod));
        }
        all = FindingOfAll();
        bool changed = false;
        foreach (LocalEndpoint pod in tried.Select(t => t.Pod))
        {
            string? reason = ReasonOfCaptured(pod, all);
            if (reason == before[pod]) continue;
            changed = true;
            if (reason is null) DatapathLog.DeliveredAgain(logger, pod.Workload.Uid, pod.Interface);
            else DatapathLog.NotDelivered(logger, pod.Workload.Uid, reason);
        }
        return changed;
    }

    // What ails them is the node's, so that one in turn tells of all; who is still ailing is found out when the pods are resolved.
    private bool LookAtRefused(Known[] pods, ProbeDestinations to)
    {
        if (pods.Length == 0) return false;
        Known one = pods[_next++ % pods.Length];
        foreach ((_, DeliveryFinding finding) in TryUncaptured([one.Pod], to))
        {
            if (finding.IsGone) _known.Remove(KeyOf(one.Pod));
            if (finding.IsGone || finding.After(one.Finding) is { Lost: not null }) return false;
            foreach (Known pod in pods) _known.Remove(KeyOf(pod.Pod));
            return true;
        }
        return false;
    }

    private (LocalEndpoint Pod, DeliveryFinding Finding)[] TryUncaptured(LocalEndpoint[] pods, ProbeDestinations to) => Try(pods, p => p.TryUncaptured(pods, to));

    // What the kernel refuses to try stands in no pod's way.
    private (LocalEndpoint Pod, DeliveryFinding Finding)[] Try(LocalEndpoint[] pods, Func<IDeliveryProbe, IReadOnlyList<DeliveryFinding>> trial)
    {
        if (probe is null || pods.Length == 0) return [];
        try
        {
            (LocalEndpoint, DeliveryFinding)[] found = [.. pods.Zip(trial(probe))];
            _doubts.Add(probe.Doubt);
            return found;
        }
        catch (IOException e)
        {
            _doubts.Add(e.Message);
            return [];
        }
    }

    private void Conclude()
    {
        if (_doubts.Count > 0)
        {
            string? doubt = _doubts.FirstOrDefault(d => d is not null);
            if (doubt is not null && doubt != _failure) DatapathLog.DeliveryTrialFailed(logger, doubt);
            _failure = doubt;
        }
        _doubts.Clear();
        lost.Set(_known.Values.Select(k => (k.Pod, k.Finding)));
    }

    private string? ReasonOf(LocalEndpoint pod, DeliveryFinding all) => Recall(pod) is null ? ReasonOfOthers(pod, all) : ReasonOfItself(pod);

    // Of one that was not tried since it was captured nothing is known yet.
    private string? ReasonOfCaptured(LocalEndpoint pod, DeliveryFinding all) => Recall(pod) is null && _silent.Contains(KeyOf(pod)) ? ReasonOfOthers(pod, all) : ReasonOfItself(pod);

    private string? ReasonOfItself(LocalEndpoint pod) => Recall(pod)?.Finding.Lost is { } lost
        ? $"what is captured at {pod.Interface} does not reach the proxy ({lost}): the node's packet filter drops it, or a rule overwrites its mark or routes it elsewhere; `culvert check` names such rules"
        : null;

    // A policy that refuses a pod's probes hides what the node does with all that is captured; where that is lost of others and arrives of none, it is lost of this one as well.
    private static string? ReasonOfOthers(LocalEndpoint pod, DeliveryFinding others) =>
        new DeliveryFinding(pod.Address4 is null ? DeliveryResult.Unknown : others.IPv4, pod.Address6 is null ? DeliveryResult.Unknown : others.IPv6).Lost is { } lost
            ? $"what is captured at links of other pods does not reach the proxy ({lost}), and at {pod.Interface} it could not be told: the node's packet filter drops what is captured, or a rule overwrites its mark or routes it elsewhere; `culvert check` names such rules"
            : null;

    // Lost, where something was and nothing has arrived.
    private DeliveryFinding FindingOfAll()
    {
        return new DeliveryFinding(OfAll(f => f.IPv4), OfAll(f => f.IPv6));

        DeliveryResult OfAll(Func<DeliveryFinding, DeliveryResult> family)
        {
            HashSet<DeliveryResult> results = [.. _known.Values.Select(k => family(k.Finding))];
            return results.Contains(DeliveryResult.Lost) && !results.Contains(DeliveryResult.Delivered) ? DeliveryResult.Lost : DeliveryResult.Unknown;
        }
    }

    // What is known of a pod, as long as it has the addresses that it had then.
    private Known? Recall(LocalEndpoint pod) => _known.TryGetValue(KeyOf(pod), out Known? known) && known.Pod.Workload.Addresses == pod.Workload.Addresses ? known : null;

    private static (string Uid, int Index) KeyOf(LocalEndpoint pod) => (pod.Workload.Uid, pod.Index);

    private sealed record Known(LocalEndpoint Pod, DeliveryFinding Finding);
}

using System.Collections.Immutable;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath.Delivery;

/// <summary>
/// Knows at which pods' links what is captured does not reach the proxy, because something of the node takes it: rules that drop it, overwrite its mark, or route it elsewhere. Such a pod is not captured there. One that has
/// been captured stays so, and status says what is the matter: to let it go would leave it without policy. Thread-safe.
/// </summary>
/// <param name="probe">Tries it; null: this kernel can't, and all counts as delivered.</param>
/// <param name="state">What is captured.</param>
/// <param name="logger">The agent's log.</param>
internal sealed class DeliveryKeeper(IDeliveryProbe? probe, DatapathState state, ILogger logger)
{
    /// <summary>The longest time between two looks, for rules of iptables-legacy, of which nobody tells.</summary>
    internal static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly Channel<bool> _changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly Dictionary<(string Uid, int Index), Known> _known = [];
    private ProbeDestinations? _destinations;
    private int _next;
    private bool _ended;

    /// <summary>Has something whenever there is reason for a <see cref="Look"/>.</summary>
    internal ChannelReader<bool> Changes => _changes.Reader;

    /// <summary>Asks for a look: rules, or what is captured, may have changed.</summary>
    internal void Wake() => _changes.Writer.TryWrite(true);

    /// <summary>Nothing is tried any more: for when what captures is taken away.</summary>
    internal void End()
    {
        lock (_lock) _ended = true;
    }

    /// <summary>Why a pod can't be captured at its link; null: nothing speaks against it. Tries it where that is not known.</summary>
    /// <param name="pod">The pod, as it would be captured.</param>
    /// <param name="isCaptured">Whether it is captured there already: what becomes of its packets is found out by <see cref="Look"/> only.</param>
    /// <param name="destinations">Whom what is captured is for.</param>
    internal string? Find(LocalEndpoint pod, bool isCaptured, ProbeDestinations destinations)
    {
        lock (_lock)
        {
            if (probe is null || _ended) return null;
            _destinations = destinations;
            if (Recall(pod) is { } known) return known.Reason;
            if (isCaptured) return null;
            DeliveryResult result;
            string lost;
            try
            {
                (result, lost) = probe.TryUncaptured(pod, destinations);
            }
            catch (IOException e)
            {
                // Of other pods' snapshots this is not to stand in the way.
                DatapathLog.DeliveryUntried(logger, e.Message);
                return null;
            }
            if (result is DeliveryResult.Unknown or DeliveryResult.Gone) return null;
            string? reason = result == DeliveryResult.Lost ? Reason(pod, lost) : null;
            _known[KeyOf(pod)] = new Known(pod, reason);
            return reason;
        }
    }

    /// <summary>Tries it for all captured pods, and for one of those that can't be captured because of it.</summary>
    /// <returns>Whether something is known that was not.</returns>
    internal bool Look()
    {
        lock (_lock)
        {
            if (probe is null || _ended || _destinations is null) return false;
            ImmutableArray<LocalEndpoint> endpoints = state.Current.Endpoints;
            bool changed = LookAtCaptured([.. endpoints.Where(e => e.Inside is null)], _destinations);
            HashSet<string> captured = [.. endpoints.Select(e => e.Workload.Uid)];
            Known[] others = [.. _known.Values.Where(k => !captured.Contains(k.Pod.Workload.Uid))];
            foreach (Known known in others.Where(k => k.Reason is null)) _known.Remove(KeyOf(known.Pod));
            return LookAtRefused([.. others.Where(k => k.Reason is not null)], _destinations) || changed;
        }
    }

    private bool LookAtCaptured(LocalEndpoint[] pods, ProbeDestinations to)
    {
        bool changed = false, ailing = false;
        foreach ((LocalEndpoint pod, (DeliveryResult result, string lost)) in pods.Zip(probe!.TryCaptured(pods, to)))
        {
            if (result is DeliveryResult.Unknown or DeliveryResult.Gone) continue;
            string? before = Recall(pod)?.Reason, reason = result == DeliveryResult.Lost ? Reason(pod, lost) : null;

            // Where the programs at the link were taken away, these are what is to be mended. One tells of all.
            if (reason is not null && before is null && !ailing && probe.TryUncaptured(pod, to).Result != DeliveryResult.Lost) continue;
            ailing |= reason is not null;
            _known[KeyOf(pod)] = new Known(pod, reason);
            if (reason == before) continue;
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
        switch (probe!.TryUncaptured(one.Pod, to).Result)
        {
            case DeliveryResult.Delivered:
                foreach (Known pod in pods) _known.Remove(KeyOf(pod.Pod));
                return true;
            case DeliveryResult.Gone:
                _known.Remove(KeyOf(one.Pod));
                return false;
            default:
                return false;
        }
    }

    // What is known of a pod, as long as it has the addresses that it had then.
    private Known? Recall(LocalEndpoint pod) => _known.TryGetValue(KeyOf(pod), out Known? known) && known.Pod.Workload.Addresses == pod.Workload.Addresses ? known : null;

    private static (string Uid, int Index) KeyOf(LocalEndpoint pod) => (pod.Workload.Uid, pod.Index);

    private static string Reason(LocalEndpoint pod, string lost) =>
        $"what is captured at {pod.Interface} does not reach the proxy ({lost}): the node's packet filter drops it, or a rule overwrites its mark or routes it elsewhere; `culvert check` names such rules";

    private sealed record Known(LocalEndpoint Pod, string? Reason);
}

using System.Diagnostics;
using System.Runtime.InteropServices;
using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;
using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// Removes flows that nothing will use again: idle UDP, closed TCP, what was never answered, and TCP silent for a day. Both directions go together, when
/// neither has been used. The kernel programs remove a TCP connection themselves when they see its end; this is for the ends they do not see. Also counts
/// what is in the table, and keeps the account of whose flows they are. Not thread-safe.
/// </summary>
internal sealed class FlowSweeper(
    BpfMap<CvFlowKey, CvFlow> flows, BpfMap<uint, CvUsage> usage, BpfMap<uint, ulong> swept, ILogger logger)
{
    private const byte Tcp = 6;

    // RFC 4787 asks for at least two minutes for UDP mappings.
    private static readonly TimeSpan UdpIdle = TimeSpan.FromMinutes(3);
    // Both have sent a FIN: RFC 5382 asks for at least four minutes. While only one has, the connection lives.
    private static readonly TimeSpan ClosingIdle = TimeSpan.FromMinutes(4);
    // RFC 5382 asks for at least 2 h 4 min for established TCP; a quiet but living connection must not lose its translation.
    private static readonly TimeSpan TcpIdle = TimeSpan.FromHours(24);

    /// <summary>
    /// How long a flow is kept that nobody has answered, or whose answer was not answered: as long as Linux keeps such flows in its own table (nf_conntrack_udp_timeout).
    /// </summary>
    internal static readonly TimeSpan UnansweredIdle = TimeSpan.FromSeconds(30);

    /// <summary>How often to sweep.</summary>
    internal static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly Dictionary<uint, CvUsage> _empty = [];

    /// <summary>Entries (two per flow) found by the last sweep.</summary>
    internal long Entries { get; private set; }

    /// <summary>One pass; returns how many entries were removed.</summary>
    internal int Sweep()
    {
        try
        {
            ulong now = (ulong)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));
            Dictionary<uint, CvUsage> before = usage.ToList().ToDictionary(u => u.Key, u => u.Value);
            List<KeyValuePair<CvFlowKey, CvFlow>> all = flows.ToList();
            Dictionary<uint, ulong> removals = [];
            int removed = 0;
            foreach ((CvFlowKey key, CvFlow flow) in all)
            {
                if (IsIdle(key, flow, flow.LastNs, Has(flow, CvFlowFlag.Fin | CvFlowFlag.Closed), now)) removed += RemoveIfIdle(key, now, removals);
            }
            Entries = all.Count - removed;
            foreach ((uint owner, ulong count) in removals) AddSwept(owner, count);
            Settle(before, all, removals);
            return removed;
        }
        catch (BpfException e)
        {
            FlowSweeperLog.Failed(logger, e.Message);
            return 0;
        }
    }

    // Looked at anew: the table has gone on since it was read, and the entry may have gone with its other direction.
    private int RemoveIfIdle(in CvFlowKey key, ulong now, Dictionary<uint, ulong> removals)
    {
        if (!flows.TryGet(key, out CvFlow flow)) return 0;
        CvFlowKey other = ReverseFlowKey.Of(key, flow);
        // A newer flow may have taken the other direction's place.
        bool paired = flows.TryGet(other, out CvFlow peer) && ReverseFlowKey.Of(other, peer).Equals(key);
        if (!paired) peer = flow;
        bool closing = Has(flow, CvFlowFlag.Closed) || Has(peer, CvFlowFlag.Closed) || (Has(flow, CvFlowFlag.Fin) && Has(peer, CvFlowFlag.Fin));
        if (!IsIdle(key, flow, Math.Max(flow.LastNs, peer.LastNs), closing, now)) return 0;
        return Remove(key, flow, removals) + (paired ? Remove(other, peer, removals) : 0);
    }

    // As the programs count: whoever takes out the entry of the first direction has taken out the flow.
    private int Remove(in CvFlowKey key, in CvFlow flow, Dictionary<uint, ulong> removals)
    {
        if (!flows.Delete(key)) return 0;
        if (!Has(flow, CvFlowFlag.Reply)) ++CollectionsMarshal.GetValueRefOrAddDefault(removals, flow.Owner, out _);
        return 1;
    }

    // Sets the accounts right that a killed agent has left wrong: those of owners of whom no flow came or went while the table was read, so that its
    // count is exact. Where there was nothing for a whole interval the account is closed: its veth may be gone.
    private void Settle(Dictionary<uint, CvUsage> before, List<KeyValuePair<CvFlowKey, CvFlow>> all, Dictionary<uint, ulong> removals)
    {
        Dictionary<uint, ulong> present = [];
        foreach ((_, CvFlow flow) in all)
        {
            if (!Has(flow, CvFlowFlag.Reply)) ++CollectionsMarshal.GetValueRefOrAddDefault(present, flow.Owner, out _);
        }
        foreach ((uint owner, CvUsage then) in before)
        {
            if (!usage.TryGet(owner, out CvUsage now) || now.Made != then.Made || now.Gone != then.Gone) continue;
            ulong left = present.GetValueOrDefault(owner) - removals.GetValueOrDefault(owner);
            ulong right = now.Made - now.Gone - left;
            swept.TryGet(owner, out ulong said);
            if (said != right) swept.Set(owner, right);
            if (left != 0)
            {
                _empty.Remove(owner);
            }
            else if (_empty.TryGetValue(owner, out CvUsage last) && last.Made == now.Made && last.EventsSinceNs == now.EventsSinceNs)
            {
                usage.Delete(owner);
                swept.Delete(owner);
                _empty.Remove(owner);
            }
            else
            {
                _empty[owner] = now;
            }
        }
    }

    private void AddSwept(uint owner, ulong count)
    {
        swept.TryGet(owner, out ulong said);
        swept.Set(owner, said + count);
    }

    private static bool Has(in CvFlow flow, CvFlowFlag any) => (flow.Flags & (ushort)any) != 0;

    private static bool IsIdle(in CvFlowKey key, in CvFlow flow, ulong lastNs, bool closing, ulong now)
    {
        TimeSpan limit = closing && key.Proto == Tcp ? ClosingIdle
            : !Has(flow, CvFlowFlag.Established) ? UnansweredIdle
            : key.Proto == Tcp ? TcpIdle : UdpIdle;
        return now > lastNs && TimeSpan.FromTicks((long)((now - lastNs) / 100)) > limit;
    }
}

internal static partial class FlowSweeperLog
{
    [LoggerMessage(EventId = LogEventIds.FlowSweeperFailed, Level = LogLevel.Warning, Message = "the flow table was not swept: {Reason}")]
    internal static partial void Failed(ILogger logger, string reason);
}

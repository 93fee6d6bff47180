using System.Diagnostics;
using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// Removes flows that nothing will use again: idle UDP, closed TCP, and TCP silent for a day. Both directions go together, when neither has been used.
/// The kernel programs remove a TCP connection themselves when they see its end; this is for the ends they do not see. Also counts what is in the table.
/// </summary>
internal sealed class FlowSweeper(BpfMap<CvFlowKey, CvFlow> flows, TimeProvider time, ILogger logger)
{
    private const byte Tcp = 6;

    // RFC 4787 asks for at least two minutes for UDP mappings.
    private static readonly TimeSpan UdpIdle = TimeSpan.FromMinutes(3);
    // Both have sent a FIN: RFC 5382 asks for at least four minutes. While only one has, the connection lives.
    private static readonly TimeSpan ClosingIdle = TimeSpan.FromMinutes(4);
    // RFC 5382 asks for at least 2 h 4 min for established TCP; a quiet but living connection must not lose its translation.
    private static readonly TimeSpan TcpIdle = TimeSpan.FromHours(24);
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    /// <summary>Entries (two per flow) found by the last sweep.</summary>
    internal long Entries { get; private set; }

    internal async Task RunAsync(CancellationToken stop)
    {
        using PeriodicTimer timer = new(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stop)) Sweep();
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Stopping.
        }
    }

    /// <summary>One pass; returns how many entries were removed.</summary>
    internal int Sweep()
    {
        try
        {
            ulong now = (ulong)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));
            List<KeyValuePair<CvFlowKey, CvFlow>> all = flows.ToList();
            int removed = all.Where(entry => IsIdle(entry.Key, entry.Value.LastNs, Has(entry.Value, CvFlowFlag.Fin | CvFlowFlag.Closed), now)).Sum(entry => RemoveIfIdle(entry.Key, now));
            Entries = all.Count - removed;
            return removed;
        }
        catch (BpfException e)
        {
            FlowSweeperLog.Failed(logger, e.Message);
            return 0;
        }
    }

    // Looked at anew: the table has gone on since it was read, and the entry may have gone with its other direction.
    private int RemoveIfIdle(in CvFlowKey key, ulong now)
    {
        if (!flows.TryGet(key, out CvFlow flow)) return 0;
        CvFlowKey other = FlowPeer.KeyOf(key, flow);
        // A newer flow may have taken the other direction's place.
        bool paired = flows.TryGet(other, out CvFlow peer) && FlowPeer.KeyOf(other, peer).Equals(key);
        if (!paired) peer = flow;
        bool closing = Has(flow, CvFlowFlag.Closed) || Has(peer, CvFlowFlag.Closed) || (Has(flow, CvFlowFlag.Fin) && Has(peer, CvFlowFlag.Fin));
        if (!IsIdle(key, Math.Max(flow.LastNs, peer.LastNs), closing, now)) return 0;
        return (flows.Delete(key) ? 1 : 0) + (paired && flows.Delete(other) ? 1 : 0);
    }

    private static bool Has(in CvFlow flow, CvFlowFlag any) => (flow.Flags & (byte)any) != 0;

    private static bool IsIdle(in CvFlowKey key, ulong lastNs, bool closing, ulong now) =>
        now > lastNs && TimeSpan.FromTicks((long)((now - lastNs) / 100)) > (key.Proto != Tcp ? UdpIdle : closing ? ClosingIdle : TcpIdle);
}

internal static partial class FlowSweeperLog
{
    [LoggerMessage(EventId = 111, Level = LogLevel.Warning, Message = "the flow table was not swept: {Reason}")]
    internal static partial void Failed(ILogger logger, string reason);
}

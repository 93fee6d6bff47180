using System.Diagnostics;
using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// Removes flow entries that nothing will use again: idle UDP, closed TCP, and TCP silent for a day. The kernel programs remove a TCP
/// connection themselves when they see its end; this is for the ends they do not see. Also counts what is in the table.
/// </summary>
internal sealed class FlowSweeper(BpfMap<CvFlowKey, CvFlow> flows, TimeProvider time, ILogger logger)
{
    private const byte Tcp = 6;

    // RFC 4787 asks for at least two minutes for UDP mappings.
    private static readonly TimeSpan UdpIdle = TimeSpan.FromMinutes(3);
    // FIN seen in this direction: four minutes as netfilter allows for half-closed connections' tails.
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
            List<CvFlowKey> gone = [];
            foreach ((CvFlowKey key, CvFlow flow) in all)
            {
                if (now > flow.LastNs && TimeSpan.FromTicks((long)((now - flow.LastNs) / 100)) > IdleLimit(key, flow)) gone.Add(key);
            }
            foreach (CvFlowKey key in gone) flows.Delete(key);
            Entries = all.Count - gone.Count;
            return gone.Count;
        }
        catch (BpfException e)
        {
            FlowSweeperLog.Failed(logger, e.Message);
            return 0;
        }
    }

    private static TimeSpan IdleLimit(in CvFlowKey key, in CvFlow flow) =>
        key.Proto != Tcp ? UdpIdle
        : (flow.Flags & (byte)(CvFlowFlag.Fin | CvFlowFlag.Closed)) != 0 ? ClosingIdle : TcpIdle;
}

internal static partial class FlowSweeperLog
{
    [LoggerMessage(EventId = 111, Level = LogLevel.Warning, Message = "the flow table was not swept: {Reason}")]
    internal static partial void Failed(ILogger logger, string reason);
}

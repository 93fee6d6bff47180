using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;
using Culvert.Core;
using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;
using Culvert.NodeAgent.Reasons;
using Culvert.NodeAgent.Telemetry;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// Reads the datapath's ring buffer on a thread of its own and turns its records into flow records and metrics.
/// </summary>
internal sealed class KernelFlowReader : IDisposable
{
    // Flows that begin and end do not wake the thread before a part of the ring is full: it looks so often. Refusals wake it at once.
    private static readonly TimeSpan PollTimeout = TimeSpan.FromMilliseconds(50);

    private readonly RingBufferReader _reader;
    private readonly IFlowContext _context;
    private readonly FlowSink _sink;
    private readonly TimeProvider _time;
    private readonly Thread _thread;
    private bool _stop;

    internal KernelFlowReader(BpfMap events, IFlowContext context, FlowSink sink, TimeProvider time)
    {
        _context = context;
        _sink = sink;
        _time = time;
        _reader = new RingBufferReader(events, Take);
        _thread = new Thread(Run) { Name = "culvert-flows", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Stops; a second call does nothing.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _stop, true)) return;
        _thread.Join();
        _reader.Dispose();
    }

    private void Run()
    {
        while (!Volatile.Read(ref _stop))
        {
            if (_reader.Poll(PollTimeout) == 0) _reader.Consume();
        }
    }

    private void Take(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < Marshal.SizeOf<CvEvent>()) return; // a record of another ABI version
        CvEvent e = MemoryMarshal.Read<CvEvent>(bytes);
        if (Translate(e) is { } record) _sink.Add(record, "kernel");
    }

    private FlowRecord? Translate(in CvEvent e)
    {
        FlowEventKind? kind = (CvEventType)e.Type switch
        {
            CvEventType.New => FlowEventKind.Opened,
            CvEventType.Closed => FlowEventKind.Closed,
            CvEventType.Denied => FlowEventKind.Denied,
            CvEventType.Dropped => FlowEventKind.Dropped,
            _ => null,
        };
        if (kind is null) return null;
        SnapshotIndex index = _context.Index;
        IPEndPoint source = AbiAddress.ToEndPoint(e.Key.Src, e.Key.Sport);
        IPEndPoint destination = AbiAddress.ToEndPoint(e.Key.Dst, e.Key.Dport);
        IPEndPoint? backend = e.NatPort != 0 ? AbiAddress.ToEndPoint(e.NatAddr, e.NatPort) : null;
        WorkloadInfo? from = index.FindWorkload(source.Address);
        WorkloadInfo? to = index.FindWorkload((backend ?? destination).Address);
        bool anonymous = (e.Flags & (byte)CvFlowFlag.Anonymous) != 0;
        (PolicyReference Policy, int Rule)? rule = _context.FindRule(e.Rule);
        return new FlowRecord
        {
            Time = _time.GetUtcNow() - Stopwatch.GetElapsedTime((long)(e.TimeNs * (Stopwatch.Frequency / 1e9))),
            Kind = kind.Value,
            Path = (CvVerdict)e.Verdict == CvVerdict.Direct || kind is FlowEventKind.Denied or FlowEventKind.Dropped && !anonymous ? FlowPath.Direct : FlowPath.Passthrough,
            Protocol = (TransportProtocol)e.Key.Proto,
            Source = source,
            Destination = destination,
            Backend = backend,
            SourceWorkload = from,
            DestinationWorkload = to,
            SourceIdentity = anonymous ? null : from?.Identity.ToString(),
            DestinationIdentity = to?.Identity.ToString(),
            Service = backend is null ? null : index.FindService(destination.Address, (ushort)destination.Port, (TransportProtocol)e.Key.Proto)?.Service.Name,
            Reason = ReasonText.Of((CvReason)e.Reason),
            Policy = rule?.Policy,
            RuleIndex = rule?.Rule ?? -1,
            BytesSent = e.BytesOut,
            BytesReceived = e.BytesIn,
            Duration = TimeSpan.FromTicks((long)(e.DurationNs / 100)),
            AtSource = !anonymous,
            AuditPolicies = (e.Flags & (byte)CvFlowFlag.Audit) != 0 ? Audits(index, e, from, source, to, backend ?? destination, anonymous) : default,
        };
    }

    // The kernel knows only that an AUDIT policy matched, or a NetworkPolicy that is not enforced; which ones, the oracle says.
    private static EquatableArray<PolicyReference> Audits(SnapshotIndex index, in CvEvent e, WorkloadInfo? from, IPEndPoint source, WorkloadInfo? to, IPEndPoint destination, bool anonymous)
    {
        TransportProtocol protocol = (TransportProtocol)e.Key.Proto;
        List<PolicyReference> found = [];
        if (from is not null && !anonymous)
        {
            found.AddRange(PolicyEvaluator.EvaluateEgress(index.Snapshot, new EgressRequest
            {
                Source = from,
                DestinationAddress = destination.Address,
                DestinationWorkload = to,
                Port = (ushort)destination.Port,
                Protocol = protocol,
            }).AuditPolicies);
        }
        if (to is not null)
        {
            found.AddRange(PolicyEvaluator.Evaluate(index.Snapshot, new ConnectionRequest
            {
                SourceIdentity = from?.Identity,
                SourceAddress = source.Address,
                SourceWorkload = from,
                Destination = to,
                Port = (ushort)destination.Port,
                Protocol = protocol,
                Authenticated = !anonymous,
            }).AuditPolicies);
        }
        return [.. found.Distinct()];
    }
}

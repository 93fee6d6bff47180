using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Reasons;
using Culvert.NodeAgent.Telemetry.Metrics;

namespace Culvert.NodeAgent.Telemetry;

/// <summary>What the kernel programs count, read when scraped.</summary>
internal static class KernelMetrics
{
    internal static void Register(MetricRegistry registry, DatapathMaps maps, FlowSweeper sweeper, DatapathState state)
    {
        registry.Add(new CallbackFamily("culvert_drops_total", "Packets dropped by the datapath, by reason.", "counter", ["reason"],
            () => ReasonText.OfPackets.Select(r => new CallbackSample([ReasonText.Of(r)], Sum(maps.Drops, (uint)r)))));
        registry.Add(new CallbackFamily("culvert_datapath_events_lost_total", "Flow events that found the ring buffer full.", "counter", [], () => CallbackSample.Single(Sum(maps.Counters, (uint)CvCounter.EventLost))));
        registry.Add(new CallbackFamily("culvert_datapath_events_limited_total", "Flow events kept back, so that one pod or a flood from outside leaves room for those of others.", "counter", [], () => CallbackSample.Single(Sum(maps.Counters, (uint)CvCounter.EventLimited))));
        registry.Add(new CallbackFamily("culvert_datapath_packets_total", "Packets by the path they took.", "counter", ["path"], () =>
        [
            new CallbackSample(["direct"], Sum(maps.Counters, (uint)CvCounter.DirectPackets)),
            new CallbackSample(["host-stack"], Sum(maps.Counters, (uint)CvCounter.HostStackPackets)),
            new CallbackSample(["proxy"], Sum(maps.Counters, (uint)CvCounter.ProxyPackets)),
            new CallbackSample(["pass"], Sum(maps.Counters, (uint)CvCounter.PassPackets)),
        ]));
        registry.Add(new CallbackFamily("culvert_datapath_datagrams_total", "Packets of UDP handed to the proxy, by delivery: behind a header, plain, or as answers; `reassembly` are those of the plain ones that came before their first fragment.", "counter", ["delivery"], () =>
        [
            new CallbackSample(["header"], Sum(maps.Counters, (uint)CvCounter.UdpHeader)),
            new CallbackSample(["plain"], Sum(maps.Counters, (uint)CvCounter.UdpPlain)),
            new CallbackSample(["reply"], Sum(maps.Counters, (uint)CvCounter.UdpReply)),
            new CallbackSample(["reassembly"], Sum(maps.Counters, (uint)CvCounter.Reassembly)),
        ]));
        registry.Add(new CallbackFamily("culvert_datapath_xdp_total", "Packets that the XDP program put a header on or dropped; the drops are among those by reason as well.", "counter", ["action"], () =>
        [
            new CallbackSample(["header"], Sum(maps.Counters, (uint)CvCounter.XdpHeader)),
            new CallbackSample(["drop"], Sum(maps.Counters, (uint)CvCounter.XdpDrop)),
        ]));
        registry.Add(new CallbackFamily("culvert_datapath_direct_bytes_total", "Bytes handed from pod to pod in the kernel.", "counter", [], () => CallbackSample.Single(Sum(maps.Counters, (uint)CvCounter.DirectBytes))));
        registry.Add(new CallbackFamily("culvert_datapath_flows_reevaluated_total", "Live flows revalidated after a policy change.", "counter", [], () => CallbackSample.Single(Sum(maps.Counters, (uint)CvCounter.Reevaluated))));
        registry.Add(new CallbackFamily("culvert_datapath_unreachable_sent_total", "UDP datagrams answered with ICMP port unreachable.", "counter", [], () => CallbackSample.Single(Sum(maps.Counters, (uint)CvCounter.UnreachableSent))));
        registry.Add(new CallbackFamily("culvert_datapath_resets_sent_total", "Resets sent for refused TCP packets.", "counter", [], () => CallbackSample.Single(Sum(maps.Counters, (uint)CvCounter.RejectSent))));
        registry.Add(new CallbackFamily("culvert_bpf_map_entries", "Entries of the datapath's maps.", "gauge", ["map"], () => Fill(maps, sweeper, state).Select(m => new CallbackSample([m.Name], m.Entries))));
        registry.Add(new CallbackFamily("culvert_bpf_map_max_entries", "Capacity of the datapath's maps; of those that hold a generation, what one may take, because the next one is written beside it.", "gauge", ["map"], () => Fill(maps, sweeper, state).Select(m => new CallbackSample([m.Name], m.Max))));
    }

    /// <summary>Fill levels; those of the policy maps are what the agent wrote, that of the flow table is the last sweep's.</summary>
    internal static IEnumerable<(string Name, double Entries, double Max)> Fill(DatapathMaps maps, FlowSweeper sweeper, DatapathState state)
    {
        GenerationSize size = state.Size;
        yield return ("cv_flow", sweeper.Entries, maps.Flow.Info.MaxEntries);
        yield return ("cv_address", size.Addresses, maps.Address.Info.MaxEntries / 2);
        yield return ("cv_policy", size.Policies, maps.Policy.Info.MaxEntries / 2);
        yield return ("cv_service", size.Services, maps.Service.Info.MaxEntries / 2);
        yield return ("cv_backend", size.Backends, maps.Backend.Info.MaxEntries / 2);
        yield return ("cv_endpoint", size.Endpoints, maps.Endpoint.Info.MaxEntries / 2);
    }

    /// <summary>Drops by reason, without the zeros.</summary>
    internal static IEnumerable<(string Reason, ulong Count)> Drops(DatapathMaps maps)
    {
        foreach (CvReason reason in ReasonText.OfPackets)
        {
            ulong count = Sum(maps.Drops, (uint)reason);
            if (count > 0) yield return (ReasonText.Of(reason), count);
        }
    }

    private static ulong Sum(BpfMap<uint, ulong> map, uint key)
    {
        Span<ulong> perCpu = stackalloc ulong[Math.Min(PossibleCpus.Count, 1024)];
        ulong total = 0;
        if (!map.TryGetPerCpu(key, perCpu)) return 0;
        foreach (ulong value in perCpu) total += value;
        return total;
    }
}

using System.Collections.Frozen;
using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;
using Culvert.NodeAgent.Datapath.Delivery;
using Culvert.NodeAgent.Options;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// The loaded programs and their maps. Maps that a previous agent pinned are adopted, so that flows and policy go on, also where that was of a build with
/// fewer reasons and counters (<see cref="PinnedCounters"/>); programs are always loaded anew and replace the old ones in place.
/// </summary>
internal sealed class DatapathPrograms : IDisposable
{
    // Scratch space and read-only data belong to one load of the programs.
    private static readonly string[] Unpinned = ["cv_scratch", "cv_probes"];

    // Pinned under another name by earlier builds. The map itself goes on: until the programs at the interfaces are replaced, after the first snapshot, they leave there what this
    // build's program at the socket lookup must find.
    private static readonly FrozenDictionary<string, string> FormerNames = new Dictionary<string, string> { ["cv_lookup_kind"] = "cv_recycle" }.ToFrozenDictionary(StringComparer.Ordinal);

    private readonly BpfObject _object;

    private DatapathPrograms(BpfObject loaded)
    {
        _object = loaded;
        FromPod = loaded.GetProgram("cv_from_pod");
        ToPod = loaded.GetProgram("cv_to_pod");
        FromNet = loaded.GetProgram("cv_from_net");
        SkLookup = loaded.GetProgram("cv_sk_lookup");
        Captured = loaded.GetProgram("cv_captured");
        Probe = loaded.GetProgram("cv_probe");
        ProbeOut = loaded.GetProgram("cv_probe_out");
        Inject = loaded.GetProgram("cv_inject");
        Maps = new DatapathMaps(loaded);
        Replies = new ReplyTable(Maps);
    }

    internal BpfProgram FromPod { get; }

    internal BpfProgram ToPod { get; }

    internal BpfProgram FromNet { get; }

    /// <summary>For the socket lookup of the node's network namespace.</summary>
    internal BpfProgram SkLookup { get; }

    /// <summary>For sockets of the proxy that take captured packets only.</summary>
    internal BpfProgram Captured { get; }

    /// <summary>For the link of a pod that is not captured, to try whether it could be.</summary>
    internal BpfProgram Probe { get; }

    /// <summary>For a link that leads out, to try whether something is handed on.</summary>
    internal BpfProgram ProbeOut { get; }

    /// <summary>Puts packets into the receive path of a link, see <see cref="BpfProgram.Inject"/>.</summary>
    internal BpfProgram Inject { get; }

    internal DatapathMaps Maps { get; }

    /// <summary>Which answers of pods are for the proxy's sockets.</summary>
    internal ReplyTable Replies { get; }

    /// <summary>Loads the object.</summary>
    /// <param name="options">The agent's.</param>
    /// <param name="pins">Where the maps are.</param>
    /// <param name="logger">The agent's log.</param>
    /// <param name="probes">What is captured for <see cref="Delivery.DeliverySockets"/>.</param>
    /// <exception cref="AgentStartException">It can't be read, or the kernel refuses it; with the verifier's words.</exception>
    internal static DatapathPrograms Load(AgentOptions options, PinFolder pins, ILogger logger, ProbePorts probes = default) => StartStep.Run(
        $"--datapath-object {options.DatapathObject}", "`culvert check` says whether this kernel can run it; `make build` makes it anew", () => LoadOrStartAfresh(options, pins, probes, logger));

    private static DatapathPrograms LoadOrStartAfresh(AgentOptions options, PinFolder pins, ProbePorts probes, ILogger logger)
    {
        string[] adopted;
        try
        {
            return Load(options, pins, probes, adopt: true, out adopted);
        }
        catch (Exception e) when (e is BpfException or ArgumentException && Directory.GetFiles(pins.Maps).Length > 0)
        {
            // Another build's maps of the same ABI version cannot be used: start afresh rather than not at all. Where that fails too, the
            // maps were not the reason and stay as they are, with the programs that work by them.
            DatapathPrograms afresh = Load(options, pins, probes, adopt: false, out adopted);
            DatapathLog.MapsNotAdopted(logger, pins.Maps, e.Message);
            return afresh;
        }
    }

    private static DatapathPrograms Load(AgentOptions options, PinFolder pins, ProbePorts probes, bool adopt, out string[] adopted)
    {
        BpfObject loading = BpfObject.OpenFile(options.DatapathObject);
        try
        {
            string[] pinned = [.. loading.MapNames.Where(n => !n.Contains('.', StringComparison.Ordinal) && !Unpinned.Contains(n))];
            Dictionary<string, string> found = adopt ? pinned.Select(n => (Map: n, Pin: FindPin(pins, n))).Where(m => m.Pin is not null).ToDictionary(m => m.Map, m => m.Pin!, StringComparer.Ordinal) : [];
            adopted = [.. found.Where(m => !PinnedCounters.IsOutgrown(m.Key, m.Value)).Select(m => m.Key)];
            foreach (string map in adopted) loading.ReuseMap(map, found[map]);
            if (!adopted.Contains("cv_flow")) loading.SetMaxEntries("cv_flow", options.FlowTableSize);
            if (!adopted.Contains("cv_half_open")) loading.SetMaxEntries("cv_half_open", FlowShares.HalfOpen(options.FlowTableSize));
            if (!adopted.Contains("cv_lent")) loading.SetMaxEntries("cv_lent", FlowShares.Lent(options.FlowTableSize));
            loading.SetConfig("cv_cfg_tunnel_port", options.TunnelPort);
            loading.SetConfig("cv_cfg_mark_mask", options.Marks.Mask);
            loading.SetConfig("cv_cfg_mark_capture", options.Marks.Capture);
            loading.SetConfig("cv_cfg_mark_proxy", options.Marks.Proxy);
            loading.SetConfig("cv_cfg_mark_reject", options.Marks.Reject);
            loading.SetConfig("cv_cfg_probe_from", probes.From);
            loading.SetConfig("cv_cfg_probe_to", probes.To);
            loading.SetConfig("cv_cfg_udp_crc", (byte)(options.UdpHeaderChecksum ? 1 : 0));
            loading.Load();
            foreach (string map in adopted.Where(m => found[m] != pins.Map(m))) File.Move(found[map], pins.Map(map));
            foreach (string map in pinned.Except(adopted, StringComparer.Ordinal))
            {
                using BpfMap made = loading.GetMap(map);
                if (found.TryGetValue(map, out string? outgrown)) PinnedCounters.TakeOver(outgrown, made);
                File.Delete(pins.Map(map));
                made.Pin(pins.Map(map));
            }
            // What the programs in pods' namespaces call, those of an agent before this one, too.
            using (BpfMap inside = loading.GetMap("cv_inside"))
            using (BpfProgram sends = loading.GetProgram("cv_inside_out"), receives = loading.GetProgram("cv_inside_in"))
            {
                inside.SetDescriptor((uint)CvInsideProgram.Out, sends.Handle);
                inside.SetDescriptor((uint)CvInsideProgram.In, receives.Handle);
            }

            // Of maps that this build has no longer, the pins are all that keeps them.
            foreach (string left in Directory.GetFiles(pins.Maps).Where(p => !pinned.Contains(Path.GetFileName(p), StringComparer.Ordinal))) File.Delete(left);
            return new DatapathPrograms(loading);
        }
        catch
        {
            loading.Dispose();
            throw;
        }
    }

    /// <summary>Where a map is pinned, by this build or one that gave it another name; null: nowhere.</summary>
    private static string? FindPin(PinFolder pins, string map)
    {
        if (File.Exists(pins.Map(map))) return pins.Map(map);
        return FormerNames.TryGetValue(map, out string? former) && File.Exists(pins.Map(former)) ? pins.Map(former) : null;
    }

    public void Dispose()
    {
        Maps.Dispose();
        FromPod.Dispose();
        ToPod.Dispose();
        FromNet.Dispose();
        SkLookup.Dispose();
        Captured.Dispose();
        Probe.Dispose();
        ProbeOut.Dispose();
        Inject.Dispose();
        _object.Dispose();
    }
}

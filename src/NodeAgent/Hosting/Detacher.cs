using Culvert.Interop.Bpf;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Datapath.Inside;

namespace Culvert.NodeAgent.Hosting;

/// <summary>Takes everything that an agent put into the kernel out again. Works with and without a running agent.</summary>
internal static class Detacher
{
    /// <summary>Removes programs, pins, rules, routes and the nft table; one line for each thing removed. The last three stay while another agent of this network namespace uses them.</summary>
    internal static IReadOnlyList<string> Detach(ProgramAttacher attacher, XdpAttacher xdp, PodCapture inside, SocketLookup lookup, PinFolder pins, CaptureRoutes routes, CaptureNat nat)
    {
        List<string> removed = [];
        foreach (Attachment attachment in xdp.List().Concat(attacher.List())) removed.Add($"program {attachment.Program} at {attachment.Interface} ({attachment.Hook})");
        removed.AddRange(inside.KeepOnly([], new HashSet<string>(), null));
        xdp.KeepOnly(new HashSet<string>());
        attacher.KeepOnly(new HashSet<(string, TcDirection)>());
        HashSet<uint> own = [lookup.Link.Info.Id];
        lookup.Detach();
        removed.Add("program cv_sk_lookup at the socket lookup");
        int count = BpfFs.UnpinTree(pins.Root);
        if (count > 0) removed.Add($"{count} pins under {pins.Root}");
        if (OtherAgents.Links(own).Count > 0)
        {
            routes.Leave();
            nat.Leave();
        }
        else
        {
            removed.AddRange(RemoveRouting(routes, nat));
        }
        return removed;
    }

    /// <summary>Removes what brings captured packets to the proxy.</summary>
    internal static IReadOnlyList<string> RemoveRouting(CaptureRoutes routes, CaptureNat nat) => [.. routes.Remove(), .. nat.Remove()];
}

using Culvert.Interop.Bpf;
using Culvert.NodeAgent.Datapath;

namespace Culvert.NodeAgent.Hosting;

/// <summary>Takes everything that an agent put into the kernel out again. Works with and without a running agent.</summary>
internal static class Detacher
{
    /// <summary>Removes programs, pins, rules and routes; one line for each thing removed.</summary>
    internal static IReadOnlyList<string> Detach(ProgramAttacher attacher, PinFolder pins, CaptureRoutes routes)
    {
        List<string> removed = [];
        foreach (Attachment attachment in attacher.List()) removed.Add($"program {attachment.Program} at {attachment.Interface} ({attachment.Direction.ToString().ToLowerInvariant()})");
        attacher.KeepOnly(new HashSet<string>());
        int count = BpfFs.UnpinTree(pins.Root);
        if (count > 0) removed.Add($"{count} pins under {pins.Root}");
        removed.AddRange(routes.Remove());
        return removed;
    }
}

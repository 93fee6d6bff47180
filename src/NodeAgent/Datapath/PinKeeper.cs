using Culvert.Interop;
using Culvert.Interop.Bpf;
using Culvert.NodeAgent.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// Keeps the pins of an agent's maps and links: those that somebody else has removed are put back, logged. Without its pin a link goes with the agent's process, and what it guarded is open. Not thread-safe, and
/// not to be used while the agent itself pins or unpins.
/// </summary>
internal sealed class PinKeeper(PinFolder pins, HealthState health, ILogger logger)
{
    /// <summary>What blocks readiness while pins are missing.</summary>
    internal const string Part = "pins";

    /// <summary>Between two looks.</summary>
    internal static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    // By path, as it was at the last look.
    private Dictionary<string, Pinned> _known = new(StringComparer.Ordinal);

    /// <summary>Puts back what others have removed since the look before.</summary>
    internal void Look()
    {
        try
        {
            foreach (string own in pins.TakeUnpinned()) _known.Remove(own);
            Dictionary<string, Pinned> found = Find();
            int restored = 0;
            foreach ((string path, Pinned pinned) in _known.Where(k => !found.ContainsKey(k.Key)))
            {
                if (!Restore(path, pinned)) continue;
                found.Add(path, pinned);
                restored++;
            }
            _known = found;
            health.Clear(Part);
            if (restored > 0) DatapathLog.PinsRestored(logger, restored, pins.Root);
        }
        catch (Exception e) when (e is KernelException or IOException or UnauthorizedAccessException)
        {
            health.Block(Part, $"pins are missing under {pins.Root} and can't be put back: {e.Message}");
            DatapathLog.PinsNotRestored(logger, pins.Root, e.Message, Interval.TotalSeconds);
        }
    }

    private Dictionary<string, Pinned> Find()
    {
        Dictionary<string, Pinned> found = new(StringComparer.Ordinal);
        foreach (string path in FilesOf(pins.Maps))
        {
            using BpfMap map = BpfMap.OpenPinned(path);
            found.Add(path, new(true, map.Info.Id));
        }
        foreach (string path in FilesOf(pins.Links))
        {
            using BpfLink link = BpfLink.OpenPinned(path);
            found.Add(path, new(false, link.Info.Id));
        }
        return found;
    }

    private static string[] FilesOf(string folder) => Directory.Exists(folder) ? Directory.GetFiles(folder) : [];

    /// <returns>False when the kernel no longer has it.</returns>
    private bool Restore(string path, Pinned pinned)
    {
        try
        {
            using IDisposable what = pinned.IsMap ? BpfMap.FromId(pinned.Id) : BpfLink.FromId(pinned.Id);
            pins.Make();
            if (what is BpfMap map) map.Pin(path);
            else ((BpfLink)what).Pin(path);
            return true;
        }
        catch (BpfException e) when (e.Errno == Errno.ENOENT && pins.AreThere)
        {
            return false;
        }
    }

    private readonly record struct Pinned(bool IsMap, uint Id);
}

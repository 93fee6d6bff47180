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
    private string? _failure;

    /// <summary>Puts back what others have removed since the last time.</summary>
    internal void Restore()
    {
        foreach (string own in pins.TakeUnpinned()) _known.Remove(own);
        int restored = 0;
        try
        {
            Dictionary<string, Pinned> found = Find();
            foreach ((string path, Pinned pinned) in _known.Where(k => !found.ContainsKey(k.Key)))
            {
                if (!Restore(path, pinned)) continue;
                found.Add(path, pinned);
                restored++;
            }
            (_known, _failure) = (found, null);
            health.Clear(Part);
        }
        catch (Exception e) when (e is KernelException or IOException or UnauthorizedAccessException)
        {
            health.Block(Part, $"pins are missing under {pins.Root} and can't be put back: {e.Message}");
            if (e.Message != _failure) DatapathLog.PinsNotRestored(logger, pins.Root, e.Message, Interval.TotalSeconds);
            _failure = e.Message;
        }
        finally
        {
            if (restored > 0) DatapathLog.PinsRestored(logger, restored, pins.Root);
        }
    }

    private Dictionary<string, Pinned> Find()
    {
        Dictionary<string, Pinned> found = new(StringComparer.Ordinal);
        foreach (string path in FilesOf(pins.Maps)) Add(path, true, static p => IdOf(BpfMap.OpenPinned(p), m => m.Info.Id));
        foreach (string path in FilesOf(pins.Links)) Add(path, false, static p => IdOf(BpfLink.OpenPinned(p), l => l.Info.Id));
        return found;

        void Add(string path, bool isMap, Func<string, uint> idOf)
        {
            try
            {
                found.Add(path, new(isMap, idOf(path)));
            }
            catch (BpfException e) when (e.Errno is Errno.ENOENT or Errno.EINVAL)
            {
                // It has just gone, or is no agent's.
            }
        }
    }

    private static uint IdOf<T>(T pinned, Func<T, uint> id)
        where T : IDisposable
    {
        using (pinned) return id(pinned);
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
        catch (BpfException e) when (e.Errno == Errno.ENOENT && pins.FoldersExist)
        {
            return false;
        }
    }

    private readonly record struct Pinned(bool IsMap, uint Id);
}

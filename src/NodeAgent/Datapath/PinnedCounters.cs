using System.Collections.Frozen;
using System.Runtime.InteropServices;
using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// Pinned maps that count by the numbers of an enum, which grows. A build that has outgrown the room in one makes it anew and takes the counts over: numbers are
/// only ever appended, so each still means the same. One with more room than is needed, of a later build, is used as it is.
/// </summary>
internal static class PinnedCounters
{
    private static readonly FrozenDictionary<string, uint> Rooms = new Dictionary<string, uint>
    {
        ["cv_drops"] = CvAbi.MaxReasons,
        ["cv_counters"] = CvAbi.MaxCounters,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Whether a map is one of these and the pinned one has not room for all numbers. A count beyond its room would be lost without a word.</summary>
    /// <exception cref="BpfException">It cannot be opened.</exception>
    internal static bool IsOutgrown(string map, string pin)
    {
        if (!Rooms.TryGetValue(map, out uint room)) return false;
        using BpfMap pinned = BpfMap.OpenPinned(pin);
        return pinned.Info.MaxEntries < room;
    }

    /// <summary>
    /// Copies what the pinned map has counted into the one that takes its place. What the programs of the agent before still count until they are replaced is
    /// not among it.
    /// </summary>
    /// <exception cref="BpfException">The kernel refused.</exception>
    internal static void TakeOver(string pin, BpfMap made)
    {
        using BpfMap pinned = BpfMap.OpenPinned(pin);
        byte[] values = new byte[pinned.ValueBytes];
        for (uint number = 0; number < pinned.Info.MaxEntries; number++)
        {
            ReadOnlySpan<byte> key = MemoryMarshal.AsBytes(new ReadOnlySpan<uint>(ref number));
            if (pinned.TryGet(key, values)) made.Set(key, values);
        }
    }
}

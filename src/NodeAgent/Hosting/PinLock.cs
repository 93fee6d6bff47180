using Culvert.Interop;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Options;

namespace Culvert.NodeAgent.Hosting;

/// <summary>
/// Makes sure that one agent at a time uses a folder of pins, whatever run folders they have: two would write each other's maps and take each other's programs over. The folder itself is
/// locked, since a BPF file system holds no files. Released when the process ends, however it ends.
/// </summary>
internal sealed class PinLock : IDisposable
{
    private readonly FolderLock _lock;

    private PinLock(FolderLock @lock) => _lock = @lock;

    /// <param name="bpfFolder">The folder as the user gave it.</param>
    /// <param name="pins">The pins in it.</param>
    /// <exception cref="AgentStartException">Another agent uses them, or those of another version beside them, which this one would take over; or the folder can't be closed to others or locked.</exception>
    internal static PinLock Take(string bpfFolder, PinFolder pins) =>
        StartStep.Run($"--bpffs {bpfFolder}", "give a folder that belongs to the user the agent runs as", () => TakeAll(bpfFolder, pins));

    private static PinLock TakeAll(string bpfFolder, PinFolder pins)
    {
        File.SetUnixFileMode(pins.Root, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        FolderLock own = FolderLock.TryTake(pins.Root) ?? throw Taken(bpfFolder, pins.Root);
        foreach (string other in pins.OtherVersions())
        {
            using FolderLock? free = FolderLock.TryTake(other);
            if (free is not null) continue;
            own.Dispose();
            throw Taken(bpfFolder, other);
        }
        return new PinLock(own);
    }

    public void Dispose() => _lock.Dispose();

    private static AgentStartException Taken(string bpfFolder, string folder) =>
        new($"--bpffs {bpfFolder}", $"another agent uses {folder}", "stop that one, or give this one a folder of its own: agents that run at the same time share none of --bpffs, --run-dir and --state-dir");
}

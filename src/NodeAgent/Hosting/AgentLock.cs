using Culvert.Hosting;
using Culvert.Interop;
using Culvert.NodeAgent.Options;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Hosting;

/// <summary>
/// Makes sure that one agent at a time uses a run folder. Nobody else can hold it: the folder is this user's, mode 0700, and the file 0600; a lock that another user got by a descriptor from before that is left to them, with its file.
/// </summary>
internal static class AgentLock
{
    /// <summary>Name of its file in the run folder.</summary>
    internal const string FileName = "agent.lock";

    /// <exception cref="AgentStartException">Another agent holds it, the folder is not this user's, or it can't be made.</exception>
    internal static LockFile Take(string runFolder, ILogger logger) => StartStep.Run($"--run-dir {runFolder}", "give a folder that can be written", () => TakeIn(runFolder, logger));

    private static LockFile TakeIn(string runFolder, ILogger logger)
    {
        AgentFolders.Close("--run-dir", runFolder, logger);
        string path = Path.Combine(runFolder, FileName);
        RemoveForeign(path, logger);
        if (LockFile.TryTake(path) is { } free) return free;
        if (FileStatus.Of(path) is { } status && !FlockHolder.IsTrusted(status.Inode))
        {
            // Nobody new can get at the file since the folder is closed: whoever has it open is left with a file that has no name.
            AgentLog.ForeignLock(logger, path);
            File.Delete(path);
            if (LockFile.TryTake(path) is { } taken) return taken;
        }
        throw new AgentStartException($"--run-dir {runFolder}", "another agent uses it", "stop that one, or give this one a folder of its own");
    }

    // A link, or somebody else's file, from before the folder was closed.
    private static void RemoveForeign(string path, ILogger logger)
    {
        if (FileStatus.Of(path) is not { } status || (!status.IsLink && status.Owner == FileStatus.EffectiveUser)) return;
        AgentLog.ForeignLock(logger, path);
        File.Delete(path);
    }
}

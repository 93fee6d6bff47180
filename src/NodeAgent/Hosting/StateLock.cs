using Culvert.Interop;
using Culvert.NodeAgent.Options;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Hosting;

/// <summary>
/// Makes sure that one agent at a time uses a state folder: two would be one node to the controller, and overwrite each other's certificates. The folder itself is locked, since a full disk
/// takes no file that could be. Released when the process ends, however it ends.
/// </summary>
internal static class StateLock
{
    /// <exception cref="AgentStartException">Another agent uses the folder, it is not this user's, or it can't be locked.</exception>
    internal static FolderLock Take(string stateFolder, ILogger logger) => StartStep.Run($"--state-dir {stateFolder}", "give a folder that belongs to the user the agent runs as", () =>
    {
        AgentFolders.Close("--state-dir", stateFolder, logger);
        return FolderLock.TryTake(stateFolder)
            ?? throw new AgentStartException($"--state-dir {stateFolder}", "another agent uses it", "stop that one, or give this one a folder of its own");
    });
}

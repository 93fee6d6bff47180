using Culvert.NodeAgent.Options;

namespace Culvert.NodeAgent.Hosting;

/// <summary>The folders that an agent keeps its files in.</summary>
internal static class AgentFolders
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Makes those that are not there, mode 0700.</summary>
    /// <exception cref="AgentStartException">One can't be made.</exception>
    internal static void Make(AgentOptions options)
    {
        foreach ((string option, string folder) in new[] { ("--run-dir", options.RunFolder), ("--state-dir", options.StateFolder) })
            StartStep.Run($"{option} {folder}", "give a folder that can be made and written", () => Directory.CreateDirectory(folder, OwnerOnly));
    }
}

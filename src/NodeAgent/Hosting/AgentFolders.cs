using System.Globalization;
using Culvert.Interop;
using Culvert.NodeAgent.Options;
using Microsoft.Extensions.Logging;

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

    /// <summary>Makes sure that a folder is this user's, and closes it to all others.</summary>
    /// <exception cref="AgentStartException">It belongs to somebody else.</exception>
    /// <exception cref="IOException">It is gone, or its mode can't be changed.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    internal static void Close(string option, string folder, ILogger logger)
    {
        if (FileStatus.Of(folder) is not { } status) throw new DirectoryNotFoundException($"{folder} is gone");
        if (status.IsLink && FileStatus.Of(Path.GetFullPath(new DirectoryInfo(folder).ResolveLinkTarget(returnFinalTarget: true)!.FullName)) is { } target) status = target;
        if (status.Owner != FileStatus.EffectiveUser)
        {
            throw new AgentStartException(
                $"{option} {folder}", string.Create(CultureInfo.InvariantCulture, $"it belongs to user {status.Owner}, who could put files there"), "give a folder that belongs to the user the agent runs as");
        }

        UnixFileMode mode = File.GetUnixFileMode(folder), closed = mode & OwnerOnly;
        if (mode == closed) return;
        AgentLog.FolderClosed(logger, folder);
        File.SetUnixFileMode(folder, closed);
    }
}

using System.Globalization;
using Culvert.Interop;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Hosting;

/// <summary>
/// Makes sure that one agent at a time uses a run folder. Released when the process ends, however it ends. Nobody else can hold it: the folder is this user's, mode
/// 0700, and the file 0600; a lock that another user got by a descriptor from before that is left to them, with its file.
/// </summary>
internal sealed class AgentLock : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const int Held = 11; // EAGAIN of flock(2)
    private const string Remedy = "stop that one, or give this one a folder of its own";
    private readonly FileStream _file;

    private AgentLock(FileStream file) => _file = file;

    /// <exception cref="AgentStartException">Another agent holds it, or the folder is not this user's.</exception>
    /// <exception cref="IOException">It can't be made.</exception>
    internal static AgentLock Take(string runFolder, ILogger logger)
    {
        CloseFolder(runFolder, logger);
        string path = Path.Combine(runFolder, "agent.lock");
        RemoveForeign(path, logger);
        try
        {
            return Open(path);
        }
        catch (IOException e) when (e.HResult == Held)
        {
            if (FileStatus.Of(path) is not { } status || FlockHolder.IsTrusted(status.Inode)) throw new AgentStartException($"--run-dir {runFolder}", "another agent uses it", Remedy, e);

            // Nobody new can get at the file since the folder is closed: whoever has it open is left with a file that has no name.
            AgentLog.ForeignLock(logger, path);
            File.Delete(path);
        }

        try
        {
            return Open(path);
        }
        catch (IOException e) when (e.HResult == Held)
        {
            throw new AgentStartException($"--run-dir {runFolder}", "another agent uses it", Remedy, e);
        }
    }

    public void Dispose() => _file.Dispose();

    private static AgentLock Open(string path)
    {
        FileStream file = new(path, new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None, UnixCreateMode = OwnerOnly });
        try
        {
            File.SetUnixFileMode(file.SafeFileHandle, OwnerOnly);
            return new AgentLock(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static void CloseFolder(string folder, ILogger logger)
    {
        if (FileStatus.Of(folder) is not { } status) throw new DirectoryNotFoundException($"{folder} is gone");
        if (status.IsLink && FileStatus.Of(Path.GetFullPath(new DirectoryInfo(folder).ResolveLinkTarget(returnFinalTarget: true)!.FullName)) is { } target) status = target;
        if (status.Owner != FileStatus.EffectiveUser)
        {
            throw new AgentStartException(
                $"--run-dir {folder}", string.Create(CultureInfo.InvariantCulture, $"it belongs to user {status.Owner}, who could put files there"), "give a folder that belongs to the user the agent runs as");
        }

        UnixFileMode mode = File.GetUnixFileMode(folder), closed = mode & (OwnerOnly | UnixFileMode.UserExecute);
        if (mode == closed) return;
        AgentLog.FolderClosed(logger, folder);
        File.SetUnixFileMode(folder, closed);
    }

    // A link, or somebody else's file, from before the folder was closed.
    private static void RemoveForeign(string path, ILogger logger)
    {
        if (FileStatus.Of(path) is not { } status || (!status.IsLink && status.Owner == FileStatus.EffectiveUser)) return;
        AgentLog.ForeignLock(logger, path);
        File.Delete(path);
    }
}

using Culvert.Interop;
using Culvert.NodeAgent.Options;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Hosting;

/// <summary>
/// The files by which others find a running agent: its lock, and the sockets of the CNI plugin and of <c>culvert</c>. Nobody hears it any more when they are removed, and no pod of the node starts; so that it ends
/// then, and is started anew.
/// </summary>
internal sealed class RunFiles(AgentOptions options, ILogger logger)
{
    /// <summary>Between two looks.</summary>
    internal static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly TaskCompletionSource<string> _gone = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes with the path of the first that is gone, or has another file in its place.</summary>
    internal Task<string> Gone => _gone.Task;

    /// <summary>Looks at them until one is gone.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="stop">Ends it, before the agent itself removes them.</param>
    internal async Task WatchAsync(TimeProvider time, CancellationToken stop)
    {
        string[] paths = [Path.Combine(options.RunFolder, AgentLock.FileName), options.CniSocket, options.AdminSocket];
        ulong?[] inodes = [.. paths.Select(InodeOf)];
        using PeriodicTimer timer = new(Interval, time);
        while (await timer.WaitForNextTickAsync(stop))
        {
            if (paths.Where((p, i) => InodeOf(p) != inodes[i]).FirstOrDefault() is not { } gone) continue;
            stop.ThrowIfCancellationRequested();
            AgentLog.RunFilesGone(logger, gone);
            _gone.TrySetResult(gone);
            return;
        }
    }

    private static ulong? InodeOf(string path) => FileStatus.Of(path)?.Inode;
}

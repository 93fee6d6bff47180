using Culvert.Interop;
using Culvert.NodeAgent.Options;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Hosting;

/// <summary>
/// Watches the files by which others find a running agent: its lock, and the sockets of the CNI plugin, of <c>culvert</c> and of the agent that takes over. When one is removed nobody hears the agent any more, and no
/// pod of the node starts, or no other version does: it ends then, and makes them again when it is started anew.
/// </summary>
/// <param name="options">The agent's.</param>
/// <param name="isOffered">Whether the node can still be asked for: the socket for that goes when somebody does.</param>
/// <param name="logger">The agent's log.</param>
internal sealed class RunFilesWatch(AgentOptions options, Func<bool> isOffered, ILogger logger)
{
    /// <summary>Between two looks.</summary>
    internal static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly TaskCompletionSource<string> _gone = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes with words on the first that is gone, or has another file in its place.</summary>
    internal Task<string> Gone => _gone.Task;

    /// <summary>Looks at them until one is gone.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="stop">Ends it, before the agent itself removes them.</param>
    internal async Task RunAsync(TimeProvider time, CancellationToken stop)
    {
        string[] paths = [Path.Combine(options.RunFolder, AgentLock.FileName), options.CniSocket, options.AdminSocket];
        ulong?[] inodes = [.. paths.Select(InodeOf)];
        using PeriodicTimer timer = new(Interval, time);
        do
        {
            string? gone = paths.Where((p, i) => inodes[i] is null || InodeOf(p) != inodes[i]).FirstOrDefault();

            // Asked before and after: meanwhile it may have been made, or have gone as it should.
            if (gone is null && isOffered() && !File.Exists(options.HandoverSocket) && isOffered()) gone = options.HandoverSocket;
            if (gone is null) continue;
            stop.ThrowIfCancellationRequested();
            AgentLog.RunFilesGone(logger, gone);
            _gone.TrySetResult($"somebody has removed {gone}");
            return;
        }
        while (await timer.WaitForNextTickAsync(stop));
    }

    private static ulong? InodeOf(string path) => FileStatus.Of(path)?.Inode;
}

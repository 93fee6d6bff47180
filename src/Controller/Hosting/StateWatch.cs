using System.Threading.Channels;
using Culvert.Controller.Nodes;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Hosting;

/// <summary>
/// Tells when a command beside the running controller has asked for something by a file in the state folder. The file system tells it at once; where it does
/// not, it is looked every few seconds.
/// </summary>
/// <param name="folder">The state folder.</param>
/// <param name="asked">Called by one after the other, however slow the disk is: a wish that two find is done twice. What it throws is logged, and it is called again the next time.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Where it is said when the file system tells nothing.</param>
internal sealed class StateWatch(string folder, Func<CancellationToken, Task> asked, TimeProvider time, ILogger logger) : IHostedService, IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);
    private readonly Channel<bool> _signals = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });
    private readonly CancellationTokenSource _stop = new();
    private FileSystemWatcher? _watcher;
    private ITimer? _timer;
    private Task _loop = Task.CompletedTask;

    /// <summary>Begins to watch, and tells once what was asked for before.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            _watcher = new FileSystemWatcher(folder) { IncludeSubdirectories = true, NotifyFilter = NotifyFilters.FileName };
            _watcher.Created += (_, e) => OnFile(e.Name);
            _watcher.Renamed += (_, e) => OnFile(e.Name);
            _watcher.EnableRaisingEvents = true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _watcher?.Dispose();
            _watcher = null;
            HostingLog.NotWatched(logger, folder, Interval.TotalSeconds, e.Message);
        }
        await asked(cancellationToken);
        _timer = time.CreateTimer(_ => Signal(), null, Interval, Interval);
        _loop = Task.Run(RunAsync, CancellationToken.None);
    }

    /// <summary>Watches no longer, and waits for what has begun.</summary>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        Dispose();
        return _loop;
    }

    public void Dispose()
    {
        _watcher?.Dispose();
        _timer?.Dispose();
        _signals.Writer.TryComplete();
        _stop.Cancel();
    }

    private void OnFile(string? name)
    {
        if (name is not null && (name.EndsWith(NodeStore.RevokedSuffix, StringComparison.Ordinal) || name.EndsWith(RootRotation.FileName, StringComparison.Ordinal) || name.EndsWith(RootRemoval.Suffix, StringComparison.Ordinal))) Signal();
    }

    private void Signal() => _signals.Writer.TryWrite(true);

    private async Task RunAsync()
    {
        await foreach (bool _ in _signals.Reader.ReadAllAsync())
        {
            try
            {
                await asked(_stop.Token);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                // It ends.
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                HostingLog.StateUpkeepFailed(logger, e, folder);
            }
        }
    }
}

using Culvert.Controller.Nodes;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Hosting;

/// <summary>
/// Tells when a command beside the running controller has asked for something by a file in the state folder. The file system tells it at once; where it does
/// not, it is looked every few seconds.
/// </summary>
/// <param name="folder">The state folder.</param>
/// <param name="asked">Called from any thread; must not throw.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Where it is said when the file system tells nothing.</param>
internal sealed class StateWatch(string folder, Action asked, TimeProvider time, ILogger logger) : IHostedService, IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);
    private FileSystemWatcher? _watcher;
    private ITimer? _timer;

    /// <summary>Begins to watch, and tells once what was asked for before.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            _watcher = new FileSystemWatcher(folder) { IncludeSubdirectories = true, NotifyFilter = NotifyFilters.FileName };
            _watcher.Created += (_, e) => Tell(e.Name);
            _watcher.Renamed += (_, e) => Tell(e.Name);
            _watcher.EnableRaisingEvents = true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _watcher?.Dispose();
            _watcher = null;
            HostingLog.NotWatched(logger, folder, Interval.TotalSeconds, e.Message);
        }
        _timer = time.CreateTimer(_ => asked(), null, Interval, Interval);
        asked();
        return Task.CompletedTask;

        void Tell(string? name)
        {
            if (name is not null && (name.EndsWith(NodeStore.RevokedSuffix, StringComparison.Ordinal) || name.EndsWith(RootRotation.FileName, StringComparison.Ordinal) || name.EndsWith(RootRemoval.Suffix, StringComparison.Ordinal))) asked();
        }
    }

    /// <summary>Watches no longer, and waits for what the timer has begun.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        _watcher?.Dispose();
        if (_timer is not null) await _timer.DisposeAsync();
    }

    public void Dispose()
    {
        _watcher?.Dispose();
        _timer?.Dispose();
    }
}

using Culvert.Controller.Nodes;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Hosting;

/// <summary>
/// Tells when a command beside the running controller has asked for something by a file in the state folder. The file system tells it at once; where it does
/// not, it is looked every few seconds.
/// </summary>
internal sealed class StateWatch : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);
    private readonly FileSystemWatcher? _watcher;
    private readonly ITimer _timer;

    /// <summary>Begins to watch.</summary>
    /// <param name="folder">The state folder.</param>
    /// <param name="asked">Called from any thread; must not throw.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where it is said when the file system tells nothing.</param>
    public StateWatch(string folder, Action asked, TimeProvider time, ILogger logger)
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

        void Tell(string? name)
        {
            if (name is not null && (name.EndsWith(NodeStore.RevokedSuffix, StringComparison.Ordinal) || name.EndsWith(RootRotation.FileName, StringComparison.Ordinal) || name.EndsWith(RootRemoval.Suffix, StringComparison.Ordinal))) asked();
        }
    }

    public void Dispose()
    {
        _watcher?.Dispose();
        _timer.Dispose();
    }
}

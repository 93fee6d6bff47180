using System.Threading.Channels;
using Culvert.Controller.Statuses;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Sources.Folder;

/// <summary>
/// Watches a folder of YAML and JSON. Events of the file system are collected for a moment and then the folder is read again; it is read from time to time as well,
/// because a watch says nothing about the targets of links and is lost when the folder is replaced.
/// </summary>
internal sealed class FolderSource : IObjectSource
{
    private static readonly TimeSpan Debounce = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestDebounce = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan RescanInterval = TimeSpan.FromSeconds(5);

    // It may quote a path.
    private const int LongestReason = 240;

    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly FolderReader _reader;
    private readonly Channel<bool> _signals = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly CancellationTokenSource _stop = new();
    private readonly FolderDeclarations _declarations = new();
    private IObjectSink? _sink;
    private FileSystemWatcher? _watcher;
    private volatile bool _watchIsBroken;
    private volatile bool _isRescan;
    private bool _watchToldBroken;
    private ITimer? _rescan;
    private Task _loop = Task.CompletedTask;
    private IReadOnlyList<SourceFile>? _files;
    private bool _tellAll = true;

    /// <param name="folder">The folder.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where it is said what is wrong with the watch.</param>
    public FolderSource(string folder, TimeProvider time, ILogger logger)
    {
        (Name, _time, _logger) = (Path.GetFullPath(folder), time, logger);
        _reader = new FolderReader(Name);
    }

    /// <summary>The folder's full path.</summary>
    public string Name { get; }

    /// <inheritdoc/>
    public IStatusSink Status { get; } = new FolderStatus();

    /// <summary>Reads the folder once, before it returns, and then keeps watching it.</summary>
    public void Start(IObjectSink sink)
    {
        _sink = sink;
        Watch();
        Read();
        _rescan = _time.CreateTimer(_ => Rescan(), null, RescanInterval, RescanInterval);
        _loop = Task.Run(() => RunAsync(_stop.Token));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_rescan is not null) await _rescan.DisposeAsync();
        await _loop;
        Interlocked.Exchange(ref _watcher, null)?.Dispose();
        _stop.Dispose();
    }

    private void Signal() => _signals.Writer.TryWrite(true);

    private void Rescan()
    {
        _isRescan = true;
        Signal();
    }

    private async Task RunAsync(CancellationToken stop)
    {
        try
        {
            while (await _signals.Reader.WaitToReadAsync(stop))
            {
                await SettleAsync(stop);
                if (_isRescan) RenewWatch();
                ReadSafely();
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            FolderLog.WatchStopped(_logger, Name);
        }
    }

    /// <summary>A bug in what listens must not end the watch: everything is told again with the next look.</summary>
    private void ReadSafely()
    {
        try
        {
            Read();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            FolderLog.ReadFailed(_logger, e, Name);
        }
    }

    /// <summary>Waits until no event came for a moment, so that one save of an editor is one change; not for ever.</summary>
    private async Task SettleAsync(CancellationToken stop)
    {
        long start = _time.GetTimestamp();
        while (_signals.Reader.TryRead(out _) && _time.GetElapsedTime(start) < LongestDebounce) await Task.Delay(Debounce, _time, stop);
    }

    /// <summary>
    /// A watch that has failed is made anew with the next rescan and not before: one that fails each time, as on a subfolder with too long a path, costs nothing more, and until then the old one tells what it can.
    /// </summary>
    private void RenewWatch()
    {
        _isRescan = false;
        if (_watcher is not null && !_watchIsBroken)
        {
            _watchToldBroken = false;
            return;
        }
        Interlocked.Exchange(ref _watcher, null)?.Dispose();
        Watch();
    }

    private void Watch()
    {
        _watchIsBroken = false;

        // Reading says that the folder is not there; the next rescan tries again.
        if (!Directory.Exists(Name)) return;
        try
        {
            var watcher = new FileSystemWatcher(Name) { IncludeSubdirectories = true, InternalBufferSize = 64 * 1024 };
            watcher.Created += (_, _) => Signal();
            watcher.Changed += (_, _) => Signal();
            watcher.Deleted += (_, _) => Signal();
            watcher.Renamed += (_, _) => Signal();
            watcher.Error += (_, e) => OnWatchError(e.GetException());
            watcher.EnableRaisingEvents = true;
            _watcher = watcher;
        }
        catch (Exception e) when (e is ArgumentException or IOException or UnauthorizedAccessException)
        {
            TellBroken(e);
        }
    }

    private void OnWatchError(Exception error)
    {
        _watchIsBroken = true;
        TellBroken(error);
        Signal();
    }

    /// <summary>Once, until a watch has lasted from one rescan to the next.</summary>
    private void TellBroken(Exception error)
    {
        if (Interlocked.Exchange(ref _watchToldBroken, true)) return;
        FolderLog.WatchFailed(_logger, Name, error.Message.Length <= LongestReason ? error.Message : error.Message[..LongestReason] + "…");
    }

    private void Read()
    {
        IReadOnlyList<SourceFile> files;
        try
        {
            files = _reader.Read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Interlocked.Exchange(ref _watcher, null)?.Dispose();
            _files = null;
            _sink!.Apply(ObjectBatch.Failed(new(Name, 0, "", "", $"the folder can't be read: {e.Message}")));
            return;
        }
        if (_files?.SequenceEqual(files) == true) return;
        IReadOnlyList<ObjectChange> changes = _declarations.Update(files);
        bool tellAll = _tellAll;
        _tellAll = true;
        _sink!.Apply(tellAll ? new([.. _declarations.All()]) { Replaces = "", IsSynced = true } : new([.. changes]) { IsSynced = true });
        (_files, _tellAll) = (files, false);
    }
}

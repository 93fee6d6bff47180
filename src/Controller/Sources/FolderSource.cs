using System.Collections.Immutable;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Sources;

/// <summary>
/// Watches a folder of YAML. Events of the file system are collected for a moment and then the folder is read again; it is read from time to time as well,
/// because a watch says nothing about the targets of links and is lost when the folder is replaced.
/// </summary>
internal sealed class FolderSource : IObjectSource
{
    private static readonly TimeSpan Debounce = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestDebounce = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan RescanInterval = TimeSpan.FromSeconds(5);

    private readonly string _folder;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly LastGoodStore? _lastGood;
    private readonly FolderReader _reader;
    private readonly Channel<bool> _signals = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly CancellationTokenSource _stop = new();
    private FileSystemWatcher? _watcher;
    private ITimer? _rescan;
    private Task _loop = Task.CompletedTask;
    private IReadOnlyList<SourceFile>? _files;
    private ImmutableHashSet<string> _nodes = [];
    private bool _nodesUnknown;
    private volatile ObjectSet _current = ObjectSet.Empty;

    /// <param name="folder">The folder.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where it is said what is wrong.</param>
    /// <param name="lastGood">Keeps what is in force over a restart; null: nothing does.</param>
    public FolderSource(string folder, TimeProvider time, ILogger<FolderSource> logger, LastGoodStore? lastGood = null)
    {
        (_folder, _time, _logger, _lastGood) = (Path.GetFullPath(folder), time, logger, lastGood);
        _reader = new FolderReader(_folder);
    }

    /// <summary>The nodes that have joined ever, for warnings; null: not known. Asked with each look at the folder, from any thread.</summary>
    public Func<ImmutableHashSet<string>>? KnownNodes { get; init; }

    public event Action? Changed;

    public ObjectSet Current => _current;

    /// <summary>Reads the folder once and then keeps watching it.</summary>
    /// <exception cref="IOException">What was kept of the last good objects is open to others, or can't be read.</exception>
    public void Start()
    {
        if (_lastGood is not null) _current = _lastGood.Load();
        Watch();
        Read();
        _rescan = _time.CreateTimer(_ => Signal(), null, RescanInterval, RescanInterval);
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

    private async Task RunAsync(CancellationToken stop)
    {
        try
        {
            while (await _signals.Reader.WaitToReadAsync(stop))
            {
                await SettleAsync(stop);
                if (_watcher is null) Watch();
                ReadSafely();
                _lastGood?.SaveAgain();
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            SourceLog.WatchStopped(_logger, _folder);
        }
    }

    /// <summary>A bug in what listens must not end the watch: the next change is taken up again.</summary>
    private void ReadSafely()
    {
        try
        {
            Read();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            _files = null;
            SourceLog.ReadFailed(_logger, e, _folder);
        }
    }

    /// <summary>Waits until no event came for a moment, so that one save of an editor is one change; not for ever.</summary>
    private async Task SettleAsync(CancellationToken stop)
    {
        long start = _time.GetTimestamp();
        while (_signals.Reader.TryRead(out _) && _time.GetElapsedTime(start) < LongestDebounce) await Task.Delay(Debounce, _time, stop);
    }

    private void Watch()
    {
        // Reading says that the folder is not there; the next rescan tries again.
        if (!Directory.Exists(_folder)) return;
        try
        {
            var watcher = new FileSystemWatcher(_folder) { IncludeSubdirectories = true, InternalBufferSize = 64 * 1024 };
            watcher.Created += (_, _) => Signal();
            watcher.Changed += (_, _) => Signal();
            watcher.Deleted += (_, _) => Signal();
            watcher.Renamed += (_, _) => Signal();
            watcher.Error += (_, e) => OnWatchError(watcher, e.GetException());
            watcher.EnableRaisingEvents = true;
            _watcher = watcher;
        }
        catch (Exception e) when (e is ArgumentException or IOException or UnauthorizedAccessException)
        {
            SourceLog.WatchFailed(_logger, e, _folder);
        }
    }

    private void OnWatchError(FileSystemWatcher watcher, Exception error)
    {
        SourceLog.WatchFailed(_logger, error, _folder);
        if (ReferenceEquals(Interlocked.CompareExchange(ref _watcher, null, watcher), watcher)) watcher.Dispose();
        Signal();
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
            // What is in force stays: a folder that is gone for a moment must not empty the mesh.
            Interlocked.Exchange(ref _watcher, null)?.Dispose();
            _files = null;
            Publish(_current with { Errors = [new(_folder, 0, "", "", $"the folder can't be read: {e.Message}")] });
            return;
        }
        ImmutableHashSet<string> nodes = FindNodes();
        bool isKnown = _files?.SequenceEqual(files) == true;
        if (isKnown && nodes.SetEquals(_nodes)) return;
        (_files, _nodes) = (files, nodes);

        // A node that joins changes warnings at most: nothing is published to all nodes when it does not.
        Publish(isKnown ? ObjectSetReader.Warn(_current, nodes) : ObjectSetReader.Read(files, _current, nodes));
    }

    /// <summary>Only warnings depend on it: what can't be read now leaves them as they are.</summary>
    private ImmutableHashSet<string> FindNodes()
    {
        try
        {
            ImmutableHashSet<string> nodes = KnownNodes?.Invoke() ?? [];
            _nodesUnknown = false;
            return nodes;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!_nodesUnknown) SourceLog.NodesUnknown(_logger, e.Message);
            _nodesUnknown = true;
            return _nodes;
        }
    }

    private void Publish(ObjectSet next)
    {
        if (next.Objects == _current.Objects && next.IsRead == _current.IsRead && next.Mesh == _current.Mesh && next.Errors.SequenceEqual(_current.Errors) && next.Warnings.SequenceEqual(_current.Warnings)) return;
        LogChanges(next);
        if (next.IsRead && next.Mesh.State == MeshConfigState.NeverGiven && (!_current.IsRead || _current.Mesh.State != MeshConfigState.NeverGiven)) SourceLog.NoMeshConfig(_logger, _folder, next.Mesh.Settings.TrustDomain);

        // While nobody can tell whether a MeshConfig was given, nothing is kept: what is kept would say at the next start that there was none.
        bool keep = next.IsRead && (!_current.IsRead || next.Objects != _current.Objects || next.Mesh != _current.Mesh) && next.Mesh.State != MeshConfigState.Unclear;
        _current = next;
        Changed?.Invoke();
        if (keep) _lastGood?.Save(next);
    }

    private void LogChanges(ObjectSet next)
    {
        SourceErrorChanges errors = SourceErrorChanges.Between(_current.Errors, next.Errors), warnings = SourceErrorChanges.Between(_current.Warnings, next.Warnings);
        foreach (SourceError error in errors.New)
        {
            if (next.HasLastGood(error)) SourceLog.BadVersion(_logger, error);
            else SourceLog.BadObject(_logger, error);
        }
        foreach (SourceError mended in errors.Gone) SourceLog.Mended(_logger, mended);
        foreach (SourceError warning in warnings.New) SourceLog.DoubtfulObject(_logger, warning);
        foreach (SourceError gone in warnings.Gone) SourceLog.NoLongerDoubtful(_logger, gone);
    }
}

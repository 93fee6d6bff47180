using System.Collections.Immutable;
using Culvert.Controller.Sources.Folder;
using Culvert.Controller.Store;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Controller.Tests;

/// <summary>A folder's source and the store that it tells, as a controller has them.</summary>
internal sealed class WatchedFolder : IAsyncDisposable
{
    private readonly FolderSource _source;

    public WatchedFolder(string path, ILogger? logger = null, LastGoodStore? lastGood = null, Func<ImmutableHashSet<string>>? nodes = null)
    {
        logger ??= NullLogger.Instance;
        _source = new(path, TimeProvider.System, logger);
        Store = new(_source.Name, _source.Status, logger, lastGood?.Load() ?? ObjectSet.Empty, lastGood) { KnownNodes = nodes };
    }

    public ObjectStore Store { get; }

    public ObjectSet Current => Store.Current;

    public void Start() => _source.Start(Store);

    public ValueTask DisposeAsync() => _source.DisposeAsync();
}

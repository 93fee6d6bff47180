using System.Text.Json;
using Culvert.Controller.Files;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Store;

/// <summary>Keeps the objects in force in a 0600 file; of those of an API server, which keeps them itself, the MeshConfig. Not thread-safe.</summary>
internal sealed class LastGoodStore(string path, ILogger logger) : ILastGoodStore
{
    /// <summary>Ending of the name that a file that can't be used is moved to.</summary>
    public const string CorruptSuffix = ".corrupt";

    private ObjectSet? _unsaved;

    /// <summary>What was in force when the controller ran last, as a set that does not count as read; an empty one when nothing is kept.</summary>
    /// <exception cref="IOException">The file is open to others, or can't be read.</exception>
    public ObjectSet Load()
    {
        if (!File.Exists(path)) return ObjectSet.Empty;
        try
        {
            string text = PrivateFiles.ReadSealed(path);
            LastGoodObject?[] kept = JsonSerializer.Deserialize(text, LastGoodObjectsContext.Default.LastGoodObjectArray) ?? throw new JsonException("it holds null");
            if (kept.Contains(null)) throw new JsonException("it holds null");
            return LastGoodReader.Read(kept!, path, logger);
        }
        catch (Exception e) when (e is JsonException or DamagedFileException)
        {
            File.Move(path, path + CorruptSuffix, overwrite: true);
            StoreLog.LastGoodCorrupt(logger, path, path + CorruptSuffix, e.Message);

            // Whether there was a MeshConfig is not known any more, so that there being none does not mean that nobody ever gave one.
            return ObjectSet.Empty with { Mesh = LastGoodReader.Closed(null, path, 0) };
        }
    }

    /// <inheritdoc/>
    public void SaveAgain()
    {
        if (_unsaved is { } objects) Save(objects);
    }

    /// <inheritdoc/>
    public void Save(ObjectSet objects)
    {
        IEnumerable<LastGoodObject> mesh = objects.Mesh.State == MeshConfigState.Closed ? [objects.Mesh.ToKept()] : [];
        LastGoodObject[] kept =
        [
            .. objects.Objects.Values.Where(o => !o.IsStricterReading).Select(o => o.Meta.Origin).Where(o => o.Text.Length > 0).Select(o => new LastGoodObject(o.Place, o.FirstLine, o.Text)).Concat(mesh).OrderBy(o => o.File, StringComparer.Ordinal).ThenBy(o => o.Line),
        ];
        try
        {
            PrivateFiles.WriteSealed(path, file => JsonSerializer.Serialize(file, kept, LastGoodObjectsContext.Default.LastGoodObjectArray));
            _unsaved = null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (_unsaved is null) StoreLog.LastGoodNotKept(logger, path, e.Message);
            _unsaved = objects;
        }
    }
}

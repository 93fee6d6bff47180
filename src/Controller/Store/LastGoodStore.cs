using System.Collections.Immutable;
using System.Text.Json;
using Culvert.Controller.Documents;
using Culvert.Controller.Files;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Store;

/// <summary>Keeps the objects in force in a 0600 file, so that an object that is broken when the controller starts has its last good version. Objects of an API server are its own to keep. Not thread-safe.</summary>
internal sealed class LastGoodStore(string path, ILogger logger)
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
            var objects = ImmutableDictionary.CreateBuilder<ObjectKey, MeshObject>();
            MeshConfigInForce mesh = new(MeshConfigState.NeverGiven, new());
            foreach (LastGoodObject? one in kept)
            {
                if (one is null) throw new JsonException("it holds null");
                ReadObject? read = DocumentReader.ReadOne(one.File, one.Line, one.Text) is { } document ? ObjectReader.Read(one.File, document) : null;
                if (MeshConfigInForce.IsClosedMesh(one))
                {
                    mesh = Closed((read?.Object as MeshConfigObject)?.Settings, one.File, one.Line);
                    continue;
                }
                if (read?.Object is MeshConfigObject given) mesh = new(MeshConfigState.Given, given.Settings, one.File, given.Meta.Origin.Line);
                if (read?.Object is { } valid)
                {
                    objects[valid.Key] = valid;
                    continue;
                }

                // What another version of the controller took for valid need not be so for this one.
                StoreLog.LastGoodRefused(logger, one.File, one.Line, path);
                if (read?.Kind == nameof(ObjectKind.MeshConfig)) mesh = Closed((read.Rejected as MeshConfigObject)?.Settings, one.File, one.Line);
            }
            return new() { Objects = objects.ToImmutable(), Mesh = mesh };
        }
        catch (Exception e) when (e is JsonException or DamagedFileException)
        {
            File.Move(path, path + CorruptSuffix, overwrite: true);
            StoreLog.LastGoodCorrupt(logger, path, path + CorruptSuffix, e.Message);

            // Whether there was a MeshConfig is not known any more, so that there being none does not mean that nobody ever gave one.
            return ObjectSet.Empty with { Mesh = Closed(null, path, 0) };
        }
    }

    private static MeshConfigInForce Closed(MeshSettings? known, string file, int line) =>
        new(MeshConfigState.Closed, MeshConfigInForce.Closing(known?.TrustDomain ?? MeshSettingsDefaults.TrustDomain), file, line);

    /// <summary>Tries again what could not be written.</summary>
    public void SaveAgain()
    {
        if (_unsaved is { } objects) Save(objects);
    }

    /// <summary>Keeps a set in place of the one before. When that fails it is said in the log, and <see cref="SaveAgain"/> tries again: the mesh does not depend on it.</summary>
    public void Save(ObjectSet objects)
    {
        IEnumerable<LastGoodObject> mesh = objects.Mesh.State == MeshConfigState.Closed ? [objects.Mesh.ToKept()] : [];
        LastGoodObject[] kept =
        [
            .. objects.Objects.Values.Where(o => !o.IsStricterReading).Select(o => o.Meta.Origin).OfType<FileOrigin>().Select(o => new LastGoodObject(o.File, o.FirstLine, o.Text)).Concat(mesh).OrderBy(o => o.File, StringComparer.Ordinal).ThenBy(o => o.Line),
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

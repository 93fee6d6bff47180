using System.Text;
using Culvert.Controller.Store;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Sharing;

/// <summary>
/// The MeshConfig in force, kept in the Secret: one that is deleted or wrong goes on to hold also when every controller has started anew, and for nodes that come to one that has never seen it. Safe for any number of threads.
/// </summary>
/// <param name="secret">What the Secret is called in messages.</param>
/// <param name="logger">Where it is said what can't be used.</param>
internal sealed class SharedMeshConfig(string secret, ILogger logger) : ISharedPart, ILastGoodStore
{
    /// <summary>The key of the Secret; JSON, which is YAML as well.</summary>
    public const string Key = "mesh-config.yaml";

    private volatile string? _inForce;

    /// <summary>Whether the Secret has not said so since it came into force here.</summary>
    private volatile bool _isNew;

    /// <inheritdoc/>
    public event Action? Changed;

    private string Place => $"{secret} ({Key})";

    /// <summary>What was in force when a controller ran last, as a set that does not count as read; an empty one when nothing is kept.</summary>
    public ObjectSet Load(V1Secret read)
    {
        if (!read.Data.TryGetValue(Key, out byte[]? kept)) return ObjectSet.Empty;
        ObjectSet loaded = LastGoodReader.Read([new(Place, 0, Encoding.UTF8.GetString(kept))], Place, logger);

        // There was one, and nobody knows any more what it said.
        return loaded.Mesh.State == MeshConfigState.NeverGiven ? ObjectSet.Empty with { Mesh = LastGoodReader.Closed(null, Place, 0) } : loaded;
    }

    /// <inheritdoc/>
    public void Save(ObjectSet objects)
    {
        string? now = objects.Mesh.State switch
        {
            MeshConfigState.Given => objects.Objects[MeshConfigKeeper.Key].Meta.Origin.Text,
            MeshConfigState.Closed => objects.Mesh.ToKept().Text,
            _ => null,
        };
        if (now == _inForce) return;
        (_inForce, _isNew) = (now is "" ? null : now, true);
        Changed?.Invoke();
    }

    /// <inheritdoc/>
    public void SaveAgain()
    {
        // Whoever exchanges it does.
    }

    /// <summary>
    /// Nothing is taken up while it runs: what holds is what the API server says. Of two that read it differently, as two versions of the controller may, each writes once.
    /// </summary>
    public IReadOnlyCollection<KeyValuePair<string, byte[]?>> Exchange(V1Secret read)
    {
        if (_inForce is not { } text) return [];
        byte[] wanted = Encoding.UTF8.GetBytes(text);
        if (!read.Data.TryGetValue(Key, out byte[]? kept)) return [new(Key, wanted)];
        if (!kept.AsSpan().SequenceEqual(wanted)) return _isNew ? [new(Key, wanted)] : [];
        _isNew = false;
        return [];
    }
}

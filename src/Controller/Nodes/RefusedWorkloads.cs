using System.Collections.Immutable;
using System.Text.Json;
using Culvert.Controller.Files;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Nodes;

/// <summary>
/// The workloads that their nodes can't capture, as each node has told last. Kept in a 0600 file: after a start of the controller they stay outside the mesh until their nodes say otherwise, and are not
/// taken for its members meanwhile. Safe for any number of threads.
/// </summary>
internal sealed class RefusedWorkloads : IRefusalSink
{
    private static readonly TimeSpan ChangeInterval = TimeSpan.FromSeconds(1);
    private readonly Lock _lock = new();
    private readonly Dictionary<string, long> _changed = new(StringComparer.Ordinal);
    private readonly string _path;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private ImmutableDictionary<string, ImmutableHashSet<string>> _byNode;
    private bool _isUnsaved;

    /// <summary>Reads what was kept; a file that can't be used is as good as none, which is logged.</summary>
    /// <exception cref="IOException">The file is open to others, or can't be read.</exception>
    public RefusedWorkloads(string path, TimeProvider time, ILogger logger)
    {
        (_path, _time, _logger) = (path, time, logger);
        _byNode = Load();
    }

    /// <summary>Raised when <see cref="ByNode"/> is another one, on the thread that has changed it.</summary>
    public event Action? Changed;

    /// <summary>Uids by node; nodes that can capture all are not in it.</summary>
    public ImmutableDictionary<string, ImmutableHashSet<string>> ByNode => Volatile.Read(ref _byNode);

    /// <inheritdoc/>
    public TimeSpan Take(string node, IReadOnlyDictionary<string, string> refused, IReadOnlyDictionary<string, string> blocked)
    {
        lock (_lock)
        {
            ImmutableHashSet<string> before = _byNode.GetValueOrDefault(node) ?? [], after = [.. refused.Keys];
            if (_isUnsaved) Save(_byNode);
            if (before.SetEquals(after)) return TimeSpan.Zero;
            if (_changed.TryGetValue(node, out long changed) && ChangeInterval - _time.GetElapsedTime(changed) is { Ticks: > 0 } wait) return wait;
            _changed[node] = _time.GetTimestamp();
            ImmutableDictionary<string, ImmutableHashSet<string>> next = after.IsEmpty ? _byNode.Remove(node) : _byNode.SetItem(node, after);
            NodesLog.Tell(_logger, node, before, refused);
            Save(next);
            Volatile.Write(ref _byNode, next);
        }
        Changed?.Invoke();
        return TimeSpan.Zero;
    }

    private ImmutableDictionary<string, ImmutableHashSet<string>> Load()
    {
        var byNode = ImmutableDictionary.CreateBuilder<string, ImmutableHashSet<string>>(StringComparer.Ordinal);
        if (!File.Exists(_path)) return byNode.ToImmutable();
        try
        {
            Dictionary<string, string?[]?>? kept = JsonSerializer.Deserialize(PrivateFiles.ReadSealed(_path), RefusedWorkloadsContext.Default.DictionaryStringStringArray);
            if (kept is null || kept.Values.Any(u => u is null || u.Contains(null))) throw new JsonException("it holds null");
            foreach ((string node, string?[]? uids) in kept) byNode[node] = [.. uids!.OfType<string>()];
        }
        catch (Exception e) when (e is JsonException or DamagedFileException)
        {
            NodesLog.RefusalsCorrupt(_logger, _path, e.Message);
        }
        return byNode.ToImmutable();
    }

    // What is in force does not depend on it: after the next start those that are not kept are told again.
    private void Save(ImmutableDictionary<string, ImmutableHashSet<string>> byNode)
    {
        try
        {
            Dictionary<string, string?[]?> kept = byNode.ToDictionary(p => p.Key, string?[]? (p) => [.. p.Value.Order(StringComparer.Ordinal)], StringComparer.Ordinal);
            PrivateFiles.WriteSealed(_path, file => JsonSerializer.Serialize(file, kept, RefusedWorkloadsContext.Default.DictionaryStringStringArray));
            _isUnsaved = false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (!_isUnsaved) NodesLog.RefusalsNotKept(_logger, _path, e.Message);
            _isUnsaved = true;
        }
    }
}

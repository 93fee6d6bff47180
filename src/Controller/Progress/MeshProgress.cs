using System.Collections.Immutable;
using Culvert.Controller.Nodes;

namespace Culvert.Controller.Progress;

/// <summary>
/// Which nodes have what was read from the API server in force: those that this controller serves, and those of which other controllers tell. Versions of worlds are each controller's own; what they have in common
/// are the versions of what they have read. Safe for any number of threads.
/// </summary>
internal sealed class MeshProgress
{
    // A node that is further behind counts as one that has nothing.
    private const int MostSteps = 256;

    // What others are told of nodes that refuse: each controller has a part of what a ConfigMap holds (1 MiB).
    private const int MostRefusals = 100, LongestReason = 200;

    private static readonly IReadOnlyDictionary<string, ulong> Nothing = ImmutableDictionary<string, ulong>.Empty;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, ulong> _versions = new(StringComparer.Ordinal);
    private readonly HashSet<string> _connected = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _refused = new(StringComparer.Ordinal);
    private readonly List<Step> _steps = [];
    private readonly Dictionary<string, Dictionary<string, ulong>> _marks = new(StringComparer.Ordinal);
    private ImmutableArray<ProgressDocument> _others = [];
    private IReadOnlyCollection<string> _nodes = [];
    private ulong _version;

    /// <summary>Raised when something may be in force somewhere that was not, on any thread; often.</summary>
    public event Action? Changed;

    /// <summary>Raised when there are more or fewer nodes that have workloads of the mesh, on any thread.</summary>
    public event Action? NodesChanged;

    /// <summary>A world is published.</summary>
    /// <param name="version">Its version.</param>
    /// <param name="nodes">The nodes that have workloads of the mesh.</param>
    public void Publish(ulong version, IReadOnlyCollection<string> nodes)
    {
        bool isOther;
        lock (_lock)
        {
            // Two that were published one after the other may come the other way round.
            if (version < _version) return;
            isOther = nodes.Count != _nodes.Count;
            (_version, _nodes) = (version, nodes);
        }
        if (isOther) NodesChanged?.Invoke();
        Tell();
    }

    /// <summary>The world that is published has all of what was read up to some versions.</summary>
    /// <param name="read">By kind, the version.</param>
    public void Read(IReadOnlyDictionary<string, ulong> read)
    {
        lock (_lock)
        {
            if (_steps.Count > 0 && _steps[^1].Version == _version) _steps[^1] = new(_version, read);
            else _steps.Add(new(_version, read));
            ulong oldest = _versions.Count > 0 ? _versions.Values.Min() : _version;
            int needed = Math.Max(_steps.FindLastIndex(s => s.Version <= oldest), _steps.Count - MostSteps);
            if (needed > 0) _steps.RemoveRange(0, needed);
        }
        Tell();
    }

    /// <summary>A node has a version of this controller's worlds, or one that is the same to it.</summary>
    public void Has(string node, ulong version)
    {
        lock (_lock) _versions[node] = version;
        Tell();
    }

    /// <summary>What is known of a node's agent has changed.</summary>
    public void Take(NodeStatus status)
    {
        lock (_lock)
        {
            bool hasChanged = status.Connected ? _connected.Add(status.Node) : _connected.Remove(status.Node) | _versions.Remove(status.Node);
            if (status is not { Connected: true, NackedVersion: > 0 }) hasChanged |= _refused.Remove(status.Node);
            else if (_refused.GetValueOrDefault(status.Node) != status.NackReason) (_refused[status.Node], hasChanged) = (status.NackReason, true);
            if (!hasChanged) return;
        }
        Tell();
    }

    /// <summary>What other controllers tell.</summary>
    public void Hear(ImmutableArray<ProgressDocument> others)
    {
        lock (_lock) _others = others;
        Tell();
    }

    /// <summary>What this controller has to tell others.</summary>
    public ProgressDocument Own(DateTimeOffset now)
    {
        lock (_lock)
        {
            ProgressLevel[] levels =
            [
                .. _connected.Union(_versions.Keys, StringComparer.Ordinal).Select(n => (Node: n, Step: _versions.TryGetValue(n, out ulong version) ? StepOf(version) : -1)).GroupBy(p => p.Step)
                    .OrderBy(g => g.Key).Select(g => new ProgressLevel(g.Key < 0 ? Nothing : _steps[g.Key].Read, [.. g.Select(p => p.Node).Order(StringComparer.Ordinal)])),
            ];
            return new(now, levels, _refused.OrderBy(r => r.Key, StringComparer.Ordinal).Take(MostRefusals).ToDictionary(r => r.Key, r => r.Value.Length <= LongestReason ? r.Value : r.Value[..LongestReason] + "…", StringComparer.Ordinal));
        }
    }

    /// <summary>Where a version of an object is in force.</summary>
    /// <param name="kind">Its kind, <c>plural.group</c>.</param>
    /// <param name="version">The version that was read of it; 0: nobody can say which, and so not where it is.</param>
    public Spread Of(string kind, ulong version)
    {
        lock (_lock)
        {
            // What was read last may be on its way into a world still.
            if (version == 0 || _steps.Count == 0 || _steps[^1].Read.GetValueOrDefault(kind) < version) return Spread.NotPublished;
            Dictionary<string, ulong> marks = MarksOf(kind);
            return new(_nodes.Count, [.. _nodes.Where(n => !marks.TryGetValue(n, out ulong mark) || mark < version).Order(StringComparer.Ordinal).Select(n => new LateNode(n, ReasonOf(n, marks)))]);
        }
    }

    private string ReasonOf(string node, Dictionary<string, ulong> marks)
    {
        if (_refused.TryGetValue(node, out string? reason)) return Refuses(reason);
        foreach (ProgressDocument other in _others)
        {
            if (other.Refused.TryGetValue(node, out reason)) return Refuses(reason);
        }
        return marks.ContainsKey(node) || _connected.Contains(node) ? "" : "no agent is connected";
    }

    private static string Refuses(string reason) => $"it refuses: {reason}";

    /// <summary>By node, the version of a kind's objects that it is known to have; worked out once for each change.</summary>
    private Dictionary<string, ulong> MarksOf(string kind)
    {
        if (_marks.TryGetValue(kind, out Dictionary<string, ulong>? known)) return known;
        Dictionary<string, ulong> marks = new(StringComparer.Ordinal);
        foreach ((string node, ulong version) in _versions)
        {
            int step = StepOf(version);
            marks[node] = step < 0 ? 0 : _steps[step].Read.GetValueOrDefault(kind);
        }
        foreach (ProgressLevel level in _others.SelectMany(o => o.Levels))
        {
            ulong mark = level.Read.GetValueOrDefault(kind);
            foreach (string node in level.Nodes) marks[node] = Math.Max(mark, marks.GetValueOrDefault(node));
        }
        _marks.Add(kind, marks);
        return marks;
    }

    private int StepOf(ulong version) => _steps.FindLastIndex(s => s.Version <= version);

    private void Tell()
    {
        lock (_lock) _marks.Clear();
        Changed?.Invoke();
    }

    /// <param name="Version">A version of this controller's worlds.</param>
    /// <param name="Read">What had been read by then, at least.</param>
    private readonly record struct Step(ulong Version, IReadOnlyDictionary<string, ulong> Read);
}

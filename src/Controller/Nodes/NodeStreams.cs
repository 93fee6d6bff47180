namespace Culvert.Controller.Nodes;

/// <summary>
/// Which snapshot stream of each node counts: the newest. An agent needs one, and one that connects again may be faster than the news that its old connection is gone. The older stream is told to
/// end, and the newer begins when it has, so that one of a node at a time holds a snapshot. Safe for any number of threads.
/// </summary>
internal sealed class NodeStreams(TimeProvider time)
{
    private static readonly TimeSpan RivalInterval = TimeSpan.FromSeconds(30);
    private readonly Lock _lock = new();
    private readonly Dictionary<string, NodeStream> _newest = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _rivals = new(StringComparer.Ordinal);

    /// <summary>Makes a stream the newest of its node; to be disposed when it has ended.</summary>
    /// <param name="node">The node, which the caller has proven to be.</param>
    /// <param name="instance">The agent process.</param>
    public NodeStream Enter(string node, string instance)
    {
        NodeStream? older;
        NodeStream stream;
        lock (_lock)
        {
            older = _newest.GetValueOrDefault(node);
            string rival = older is { HasEnded: false } && older.Instance != instance && MayTell(node) ? older.Instance : "";
            stream = new NodeStream(instance, rival, older?.Gone ?? Task.CompletedTask);
            _newest[node] = stream;
        }
        _ = ForgetAsync(node, stream);
        try
        {
            older?.Replace(instance);
        }
        catch
        {
            // Nobody else would, and all later streams of the node wait for it.
            stream.Dispose();
            throw;
        }
        return stream;
    }

    private async Task ForgetAsync(string node, NodeStream stream)
    {
        await stream.Gone;
        lock (_lock)
        {
            if (ReferenceEquals(_newest.GetValueOrDefault(node), stream)) _newest.Remove(node);
        }
    }

    private bool MayTell(string node)
    {
        if (_rivals.TryGetValue(node, out long told) && time.GetElapsedTime(told) < RivalInterval) return false;
        _rivals[node] = time.GetTimestamp();
        return true;
    }
}

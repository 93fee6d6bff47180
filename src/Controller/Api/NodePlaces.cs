namespace Culvert.Controller.Api;

/// <summary>Bounds how much is done for each node at a time, so that none takes the places of all others at an authority outside. Thread-safe.</summary>
/// <param name="most">For one node at a time, at least 1.</param>
/// <param name="mostWaiting">How much more of a node's waits for that; beyond it is refused.</param>
internal sealed class NodePlaces(int most, int mostWaiting)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Places> _nodes = new(StringComparer.Ordinal);

    /// <summary>Nodes that have something done, or wait for it.</summary>
    internal int Count
    {
        get
        {
            lock (_lock) return _nodes.Count;
        }
    }

    /// <summary>Waits for a place, which is given back when it is disposed of; null: too much of the node's waits already.</summary>
    /// <param name="node">The node's name.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    internal async Task<IDisposable?> TryEnterAsync(string node, CancellationToken cancellationToken)
    {
        Places? places;
        lock (_lock)
        {
            if (!_nodes.TryGetValue(node, out places)) _nodes.Add(node, places = new Places(most));
            if (places.Users >= most + mostWaiting) return null;
            places.Users++;
        }
        try
        {
            await places.Turn.WaitAsync(cancellationToken);
        }
        catch
        {
            Leave(node, places);
            throw;
        }
        return new Place(this, node, places);
    }

    private void Leave(string node, Places places)
    {
        lock (_lock)
        {
            if (--places.Users > 0) return;
            _nodes.Remove(node);
        }
        places.Dispose();
    }

    private sealed class Places(int most) : IDisposable
    {
        internal SemaphoreSlim Turn { get; } = new(most);

        internal int Users { get; set; }

        public void Dispose() => Turn.Dispose();
    }

    private sealed class Place(NodePlaces owner, string node, Places places) : IDisposable
    {
        private int _isLeft;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isLeft, 1) != 0) return;
            places.Turn.Release();
            owner.Leave(node, places);
        }
    }
}

namespace Culvert.Http2;

/// <summary>Streams that wait for the connection's window or for the output to drain, in order of waiting.</summary>
internal sealed class ReadyQueue
{
    private Http2Stream? _first;
    private Http2Stream? _last;

    public bool IsEmpty => _first is null;

    public void Add(Http2Stream stream)
    {
        if (stream.IsReadyQueued) return;
        stream.IsReadyQueued = true;
        stream.NextReady = null;
        stream.PreviousReady = _last;
        if (_last is null) _first = stream; else _last.NextReady = stream;
        _last = stream;
    }

    public void Remove(Http2Stream stream)
    {
        if (!stream.IsReadyQueued) return;
        stream.IsReadyQueued = false;
        if (stream.PreviousReady is null) _first = stream.NextReady; else stream.PreviousReady.NextReady = stream.NextReady;
        if (stream.NextReady is null) _last = stream.PreviousReady; else stream.NextReady.PreviousReady = stream.PreviousReady;
        stream.NextReady = stream.PreviousReady = null;
    }

    public bool TryTake(out Http2Stream stream)
    {
        stream = _first!;
        if (_first is null) return false;
        Remove(_first);
        return true;
    }
}

namespace Culvert.Http2;

/// <summary>The streams of a connection that are not closed: by identifier, and as a list; also the pool of objects to reuse.</summary>
internal sealed class StreamTable
{
    private const int KeptObjects = 256;

    private readonly Dictionary<int, Http2Stream> _byId = [];
    private readonly Stack<Http2Stream> _pool = new();
    private Http2Stream? _retired;
    private Http2Stream? _last;

    /// <summary>Head of the list; go on by <see cref="Http2Stream.Next"/>.</summary>
    public Http2Stream? First { get; private set; }

    public int Count { get; private set; }

    public Http2Stream? Find(int id)
    {
        if (_last is { } last && last.Id == id) return last;
        if (!_byId.TryGetValue(id, out var stream)) return null;
        _last = stream;
        return stream;
    }

    public Http2Stream Take() => _pool.TryPop(out var stream) ? stream : new Http2Stream();

    public void Add(Http2Stream stream)
    {
        _byId.Add(stream.Id, stream);
        stream.Previous = null;
        stream.Next = First;
        if (First is not null) First.Previous = stream;
        First = stream;
        Count++;
    }

    public void Remove(Http2Stream stream)
    {
        _byId.Remove(stream.Id);
        if (_last == stream) _last = null;
        if (stream.Previous is null) First = stream.Next; else stream.Previous.Next = stream.Next;
        if (stream.Next is not null) stream.Next.Previous = stream.Previous;
        stream.Next = stream.Previous = null;
        Count--;
    }

    /// <summary>Marks an object for reuse after <see cref="Recycle"/>, so that code up the stack can still look at it.</summary>
    public void Retire(Http2Stream stream)
    {
        stream.State = null;
        stream.Next = _retired;
        _retired = stream;
    }

    public void Recycle()
    {
        while (_retired is { } stream)
        {
            _retired = stream.Next;
            stream.Next = null;
            if (_pool.Count < KeptObjects) _pool.Push(stream);
        }
    }
}

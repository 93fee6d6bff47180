namespace Culvert.Http2;

/// <summary>Identifiers of the streams this side reset last, whose late frames are to be ignored (RFC 9113, section 5.1).</summary>
internal sealed class ResetMemory(int capacity)
{
    private int[] _ids = [];
    private int _next;

    public void Add(int id)
    {
        if (_ids.Length < capacity && _next == _ids.Length) Array.Resize(ref _ids, Math.Min(capacity, Math.Max(16, _ids.Length * 2)));
        if (_next == _ids.Length) _next = 0;
        _ids[_next++] = id;
    }

    public bool Contains(int id) => _ids.AsSpan().Contains(id);
}

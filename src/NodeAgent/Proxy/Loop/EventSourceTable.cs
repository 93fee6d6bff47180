namespace Culvert.NodeAgent.Proxy.Loop;

/// <summary>
/// Maps epoll tokens to sources. A token carries the slot's generation, so that an event fetched for a socket that was closed
/// earlier in the same batch does not reach the socket that took its slot.
/// </summary>
internal sealed class EventSourceTable
{
    private EventSource?[] _sources = new EventSource?[256];
    private uint[] _generations = new uint[256];
    private int[] _free = new int[256];
    private int _freeCount;
    private int _used;

    /// <summary>Registered sources.</summary>
    internal int Count => _used - _freeCount;

    internal ulong Add(EventSource source)
    {
        int slot = _freeCount > 0 ? _free[--_freeCount] : _used++;
        if (slot == _sources.Length)
        {
            Array.Resize(ref _sources, slot * 2);
            Array.Resize(ref _generations, slot * 2);
            Array.Resize(ref _free, slot * 2);
        }

        _sources[slot] = source;
        source.Slot = slot;
        return ((ulong)_generations[slot] << 32) | (uint)slot;
    }

    internal void Remove(EventSource source)
    {
        int slot = source.Slot;
        if (slot < 0) return;
        source.Slot = -1;
        _sources[slot] = null;
        _generations[slot]++;
        _free[_freeCount++] = slot;
    }

    internal EventSource? Find(ulong token)
    {
        int slot = (int)(uint)token;
        return slot < _used && _generations[slot] == (uint)(token >> 32) ? _sources[slot] : null;
    }
}

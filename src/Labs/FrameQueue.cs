namespace Culvert.Labs;

/// <summary>Frames that are under way on a <see cref="LabWire"/>, in the order they were sent. Not thread-safe.</summary>
internal sealed class FrameQueue
{
    // 160 ms at 100,000 frames a second.
    private const int Capacity = 16 * 1024;
    private const int EthernetHeader = 14;

    private readonly byte[] _bytes;
    private readonly int _slot;
    private readonly (int Length, long Due)[] _frames = new (int, long)[Capacity];
    private readonly byte[] _overflow;
    private int _head;
    private int _count;

    /// <summary>Makes a queue.</summary>
    /// <param name="mtu">Largest packet in bytes.</param>
    internal FrameQueue(int mtu)
    {
        _slot = mtu + EthernetHeader;
        _bytes = GC.AllocateUninitializedArray<byte>(_slot * Capacity);
        _overflow = new byte[_slot];
    }

    /// <summary>When the first frame arrives, as a timestamp; <see cref="long.MaxValue"/> when there is none.</summary>
    internal long NextDue => _count == 0 ? long.MaxValue : _frames[_head].Due;

    /// <summary>The first frame; there has to be one.</summary>
    internal ReadOnlySpan<byte> Next => _bytes.AsSpan(_head * _slot, _frames[_head].Length);

    /// <summary>Where the bytes of another frame go; those of a full queue get lost.</summary>
    internal Span<byte> Room => _count == Capacity ? _overflow : _bytes.AsSpan(Tail * _slot, _slot);

    private int Tail => (_head + _count) % Capacity;

    /// <summary>Adds the frame that stands in <see cref="Room"/>.</summary>
    internal void Add(int length, long due)
    {
        if (_count == Capacity) return;
        _frames[Tail] = (length, due);
        _count++;
    }

    /// <summary>Removes the first frame.</summary>
    internal void Remove()
    {
        _head = (_head + 1) % Capacity;
        _count--;
    }
}

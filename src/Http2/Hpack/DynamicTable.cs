namespace Culvert.Http2.Hpack;

/// <summary>
/// The dynamic table of RFC 7541, section 2.3.2: newest entry first. Bytes live in one buffer of twice the table's size that is
/// compacted when its end is reached, so that every entry is one contiguous run and adding costs no allocation.
/// </summary>
internal sealed class DynamicTable
{
    private const int EntryOverhead = 32;

    private byte[] _bytes = [];
    private int _used;
    private Entry[] _entries = [];
    private uint[] _nameHashes = [];
    private uint[] _fieldHashes = [];
    private int _oldest;

    public DynamicTable(int maxSize) => MaxSize = maxSize;

    public int Count { get; private set; }

    public int Size { get; private set; }

    public int MaxSize { get; private set; }

    /// <summary>Changes the capacity; evicts what no longer fits.</summary>
    public void Resize(int maxSize)
    {
        if (maxSize == MaxSize) return;
        Evict(maxSize);
        MaxSize = maxSize;
        if (_entries.Length > 0) Allocate();
    }

    public ReadOnlySpan<byte> Name(int index)
    {
        ref readonly var entry = ref _entries[Slot(index)];
        return _bytes.AsSpan(entry.Offset, entry.NameLength);
    }

    public ReadOnlySpan<byte> Value(int index)
    {
        ref readonly var entry = ref _entries[Slot(index)];
        return _bytes.AsSpan(entry.Offset + entry.NameLength, entry.ValueLength);
    }

    public byte NameId(int index) => _entries[Slot(index)].NameId;

    /// <summary>Adds an entry, evicting the oldest as needed; one larger than the table empties it. The spans must not point into this table.</summary>
    public void Add(byte nameId, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, uint nameHash = 0, uint fieldHash = 0)
    {
        var length = name.Length + value.Length;
        var size = length + EntryOverhead;
        Evict(MaxSize - size);
        if (size > MaxSize) return;
        if (_entries.Length == 0) Allocate();
        if (_bytes.Length - _used < length) Compact(_bytes);
        name.CopyTo(_bytes.AsSpan(_used));
        value.CopyTo(_bytes.AsSpan(_used + name.Length));
        var slot = (_oldest + Count) % _entries.Length;
        _entries[slot] = new Entry(_used, name.Length, value.Length, nameId);
        _nameHashes[slot] = nameHash;
        _fieldHashes[slot] = fieldHash;
        _used += length;
        Size += size;
        Count++;
    }

    /// <summary>Index (0 is the newest) of an entry with that name and value, or -1.</summary>
    public int FindField(uint fieldHash, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        for (var slot = NextSlot(_fieldHashes, fieldHash, 0); slot >= 0; slot = NextSlot(_fieldHashes, fieldHash, slot + 1))
        {
            var index = IndexOf(slot);
            if (index < Count && Value(index).SequenceEqual(value) && Name(index).SequenceEqual(name)) return index;
        }

        return -1;
    }

    /// <summary>Index (0 is the newest) of an entry with that name, or -1.</summary>
    public int FindName(uint nameHash, ReadOnlySpan<byte> name)
    {
        for (var slot = NextSlot(_nameHashes, nameHash, 0); slot >= 0; slot = NextSlot(_nameHashes, nameHash, slot + 1))
        {
            var index = IndexOf(slot);
            if (index < Count && Name(index).SequenceEqual(name)) return index;
        }

        return -1;
    }

    private static int NextSlot(uint[] hashes, uint hash, int from)
    {
        var found = hashes.AsSpan(from).IndexOf(hash);
        return found < 0 ? -1 : from + found;
    }

    // Slots outside the live range give an index of Count or more.
    private int IndexOf(int slot)
    {
        var age = slot - _oldest;
        if (age < 0) age += _entries.Length;
        return age < Count ? Count - 1 - age : int.MaxValue;
    }

    private int Slot(int index)
    {
        var slot = _oldest + Count - 1 - index;
        return slot >= _entries.Length ? slot - _entries.Length : slot;
    }

    private void Evict(int limit)
    {
        while (Count > 0 && Size > limit)
        {
            ref readonly var entry = ref _entries[_oldest];
            Size -= entry.NameLength + entry.ValueLength + EntryOverhead;
            _oldest = _oldest + 1 == _entries.Length ? 0 : _oldest + 1;
            Count--;
        }

        if (Count == 0) _used = 0;
    }

    private void Allocate()
    {
        var slots = Math.Max(1, MaxSize / EntryOverhead);
        var entries = new Entry[slots];
        var names = new uint[slots];
        var fields = new uint[slots];
        for (var i = 0; i < Count; i++)
        {
            var slot = Slot(Count - 1 - i);
            entries[i] = _entries[slot];
            names[i] = _nameHashes[slot];
            fields[i] = _fieldHashes[slot];
        }

        _entries = entries;
        _nameHashes = names;
        _fieldHashes = fields;
        _oldest = 0;
        Compact(new byte[MaxSize * 2]);
    }

    // Entries lie in the buffer in order of age, so copying down never overtakes itself.
    private void Compact(byte[] target)
    {
        var used = 0;
        for (var i = Count - 1; i >= 0; i--)
        {
            ref var entry = ref _entries[Slot(i)];
            var length = entry.NameLength + entry.ValueLength;
            _bytes.AsSpan(entry.Offset, length).CopyTo(target.AsSpan(used));
            entry = entry with { Offset = used };
            used += length;
        }

        _bytes = target;
        _used = used;
    }

    private readonly record struct Entry(int Offset, int NameLength, int ValueLength, byte NameId);
}

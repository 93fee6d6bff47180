using System.Diagnostics.CodeAnalysis;
using System.Text;
using Culvert.Http2.Hpack;

namespace Culvert.Http2;

/// <summary>
/// A reusable list of header fields, both for sending and as received. Names and values are bytes in one buffer, so that filling,
/// copying and clearing allocates nothing once it has grown. Not thread-safe.
/// </summary>
public sealed class HeaderList
{
    private const int KeptBytes = 16 << 10;
    private const int KeptEntries = 512;
    private const int TrimmedBytes = 1024;
    private const int TrimmedEntries = 32;

    private byte[] _bytes = [];
    private int _used;
    private Entry[] _entries = [];

    /// <summary>Number of fields.</summary>
    public int Count { get; private set; }

    /// <summary>The value of <c>:method</c>; empty when absent.</summary>
    public ReadOnlySpan<byte> Method => Known(HeaderNames.Method);

    /// <summary>The value of <c>:authority</c>; empty when absent.</summary>
    public ReadOnlySpan<byte> Authority => Known(HeaderNames.Authority);

    /// <summary>The value of <c>:scheme</c>; empty when absent.</summary>
    public ReadOnlySpan<byte> Scheme => Known(HeaderNames.Scheme);

    /// <summary>The value of <c>:path</c>; empty when absent.</summary>
    public ReadOnlySpan<byte> Path => Known(HeaderNames.Path);

    /// <summary>The value of <c>:protocol</c> (RFC 8441); empty when absent.</summary>
    public ReadOnlySpan<byte> Protocol => Known(HeaderNames.Protocol);

    /// <summary>The value of <c>:status</c> as a number; 0 when absent or not three digits.</summary>
    public int Status
    {
        get
        {
            var value = Known(HeaderNames.Status);
            return value.Length == 3 && char.IsAsciiDigit((char)value[0]) && char.IsAsciiDigit((char)value[1]) && char.IsAsciiDigit((char)value[2])
                ? ((value[0] - '0') * 100) + ((value[1] - '0') * 10) + value[2] - '0'
                : 0;
        }
    }

    /// <summary>The field at <paramref name="index"/>, 0 to <see cref="Count"/> - 1, in order of arrival.</summary>
    public HeaderView this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
            ref readonly var entry = ref _entries[index];
            return new HeaderView(NameOf(entry), ValueOf(entry), entry.NeverIndexed);
        }
    }

    /// <summary>
    /// Appends a field. <paramref name="name"/> must be in lower case. Pseudo headers must come first.
    /// Set <paramref name="neverIndexed"/> for secrets that must not enter compression tables.
    /// </summary>
    public HeaderList Add(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, bool neverIndexed = false)
    {
        Append(HeaderNames.Find(name), name, value, neverIndexed);
        return this;
    }

    /// <summary>Appends <c>:status</c>; <paramref name="status"/> is 100 to 999.</summary>
    public HeaderList AddStatus(int status)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(status, 100);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(status, 999);
        ReadOnlySpan<byte> digits = [(byte)('0' + (status / 100)), (byte)('0' + (status / 10 % 10)), (byte)('0' + (status % 10))];
        Append(HeaderNames.Status, ":status"u8, digits, neverIndexed: false);
        return this;
    }

    /// <summary>Appends every field of <paramref name="other"/>.</summary>
    public void AddRange(HeaderList other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (Count == 0) Reserve(other.Bytes, other.Count);
        for (var i = 0; i < other.Count; i++)
        {
            ref readonly var entry = ref other._entries[i];
            Append(entry.NameId, other.NameOf(entry), other.ValueOf(entry), entry.NeverIndexed);
        }
    }

    /// <summary>The first value of <paramref name="name"/> (lower case); false when there is none.</summary>
    public bool TryGet(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        for (var i = 0; i < Count; i++)
        {
            ref readonly var entry = ref _entries[i];
            if (entry.NameLength == name.Length && NameOf(entry).SequenceEqual(name))
            {
                value = ValueOf(entry);
                return true;
            }
        }

        value = default;
        return false;
    }

    /// <summary>The first value of <paramref name="name"/> as a string (Latin-1, as HTTP defines it), or null. Allocates.</summary>
    [SuppressMessage("Design", "CA1024", Justification = "Takes an argument.")]
    public string? GetString(ReadOnlySpan<byte> name) => TryGet(name, out var value) ? Encoding.Latin1.GetString(value) : null;

    /// <summary>Removes every field of that name (lower case); returns how many there were.</summary>
    public int Remove(ReadOnlySpan<byte> name)
    {
        var kept = 0;
        for (var i = 0; i < Count; i++)
        {
            if (!NameOf(_entries[i]).SequenceEqual(name)) _entries[kept++] = _entries[i];
        }

        var removed = Count - kept;
        Count = kept;
        return removed;
    }

    /// <summary>Gives <c>:path</c>, which there is, another value.</summary>
    /// <param name="value">The value; no longer than the one before, and not part of this list.</param>
    /// <exception cref="ArgumentException">It is longer, or there is no path.</exception>
    public void ReplacePath(ReadOnlySpan<byte> value)
    {
        for (var i = 0; i < Count; i++)
        {
            ref var entry = ref _entries[i];
            if (entry.NameId != HeaderNames.Path) continue;
            if (value.Length > entry.ValueLength) throw new ArgumentException("longer than the path before", nameof(value));
            value.CopyTo(_bytes.AsSpan(entry.Offset + entry.NameLength));
            entry = entry with { ValueLength = value.Length };
            return;
        }

        throw new ArgumentException("there is no path", nameof(value));
    }

    /// <summary>Bytes of all names and values.</summary>
    public int Bytes
    {
        get
        {
            var bytes = 0;
            for (var i = 0; i < Count; i++) bytes += _entries[i].NameLength + _entries[i].ValueLength;
            return bytes;
        }
    }

    /// <summary>Whether there is room for so many bytes of names and values, and so many fields, without more memory. Of an empty list.</summary>
    public bool HasRoomFor(int bytes, int fields) => bytes <= _bytes.Length && fields <= _entries.Length;

    /// <summary>Gives an empty list room for so many bytes of names and values, and so many fields, so that it takes no more memory than that.</summary>
    public void Reserve(int bytes, int fields)
    {
        if (_bytes.Length < bytes) _bytes = new byte[Math.Max(bytes, TrimmedBytes)];
        if (_entries.Length < fields) _entries = new Entry[Math.Max(fields, 16)];
    }

    /// <summary>Empties the list; keeps its memory unless that grew beyond 16 KiB, or 512 fields.</summary>
    public void Clear() => Clear(KeptBytes, KeptEntries);

    /// <summary>Empties the list, which waits for its next use for long, or beside many others; keeps its memory unless that grew beyond 1 KiB, or 32 fields.</summary>
    public void Trim() => Clear(TrimmedBytes, TrimmedEntries);

    internal byte NameId(int index) => _entries[index].NameId;

    /// <summary>Room for <paramref name="size"/> bytes behind the fields, to decode into; <see cref="Commit"/> makes a field of it.</summary>
    internal Span<byte> Scratch(int size)
    {
        if (_bytes.Length - _used < size) Grow(size);
        return _bytes.AsSpan(_used);
    }

    /// <summary>Makes the first bytes of the last <see cref="Scratch"/> a field: name, then value.</summary>
    internal void Commit(byte nameId, int nameLength, int valueLength, bool neverIndexed)
    {
        if (Count == _entries.Length) Array.Resize(ref _entries, Math.Max(16, Count * 2));
        _entries[Count++] = new Entry(_used, nameLength, valueLength, nameId, neverIndexed);
        _used += nameLength + valueLength;
    }

    internal void Append(byte nameId, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, bool neverIndexed)
    {
        var room = Scratch(name.Length + value.Length);
        name.CopyTo(room);
        value.CopyTo(room[name.Length..]);
        Commit(nameId, name.Length, value.Length, neverIndexed);
    }

    internal ReadOnlySpan<byte> Known(byte nameId)
    {
        for (var i = 0; i < Count; i++)
        {
            if (_entries[i].NameId == nameId) return ValueOf(_entries[i]);
        }

        return default;
    }

    private void Clear(int keptBytes, int keptEntries)
    {
        Count = 0;
        _used = 0;
        if (_bytes.Length > keptBytes || _entries.Length > keptEntries)
        {
            _bytes = [];
            _entries = [];
        }
    }

    private ReadOnlySpan<byte> NameOf(in Entry entry) => _bytes.AsSpan(entry.Offset, entry.NameLength);

    private ReadOnlySpan<byte> ValueOf(in Entry entry) => _bytes.AsSpan(entry.Offset + entry.NameLength, entry.ValueLength);

    private void Grow(int size) => Array.Resize(ref _bytes, Math.Max(_used + size, Math.Max(1024, _bytes.Length * 2)));

    private readonly record struct Entry(int Offset, int NameLength, int ValueLength, byte NameId, bool NeverIndexed);
}

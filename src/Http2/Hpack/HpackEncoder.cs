using System.Buffers.Binary;

namespace Culvert.Http2.Hpack;

/// <summary>
/// Encodes header blocks (RFC 7541). One per connection; not thread-safe. A value enters the dynamic table when its name is new
/// there, or when the same field was seen before: values that never repeat (trace identifiers, client ports, paths) do not push out those that do.
/// </summary>
internal sealed class HpackEncoder
{
    private const int SeenSize = 256;

    private readonly DynamicTable _table;
    private readonly int _maxSize;
    private readonly uint[] _seen = new uint[SeenSize];
    private int _lowestPending = -1;

    public HpackEncoder(int maxSize)
    {
        _maxSize = maxSize;
        _table = new DynamicTable(Math.Min(4096, maxSize));
        // The peer starts from 4,096 bytes: a smaller table must be announced.
        if (maxSize < 4096) _lowestPending = maxSize;
    }

    /// <summary>Size of the table in use.</summary>
    public int TableSize => _table.MaxSize;

    /// <summary>Takes the peer's SETTINGS_HEADER_TABLE_SIZE; announced at the start of the next block.</summary>
    public void SetPeerLimit(uint size)
    {
        var next = (int)Math.Min(size, (uint)_maxSize);
        if (next == _table.MaxSize) return;
        _lowestPending = _lowestPending < 0 ? next : Math.Min(_lowestPending, next);
        _table.Resize(next);
    }

    /// <summary>Appends the encoded fields to <paramref name="output"/>.</summary>
    public void Encode(HeaderList headers, OutputBuffer output)
    {
        if (_lowestPending >= 0)
        {
            if (_lowestPending < _table.MaxSize) WriteInteger(output, 0x20, 5, _lowestPending);
            WriteInteger(output, 0x20, 5, _table.MaxSize);
            _lowestPending = -1;
        }

        for (var i = 0; i < headers.Count; i++)
        {
            var field = headers[i];
            EncodeField(headers.NameId(i), field.Name, field.Value, field.NeverIndexed, output);
        }
    }

    private void EncodeField(byte nameId, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, bool neverIndexed, OutputBuffer output)
    {
        var staticName = nameId <= StaticTable.Count ? nameId : 0;
        if (neverIndexed)
        {
            WriteLiteral(output, 0x10, 4, staticName, name, value);
            return;
        }

        if (staticName != 0)
        {
            var index = StaticTable.FindValue(staticName, value);
            if (index != 0)
            {
                WriteInteger(output, 0x80, 7, index);
                return;
            }
        }

        var nameHash = Hash(name, 0x9e3779b9);
        var fieldHash = Hash(value, nameHash);
        var found = _table.FindField(fieldHash, name, value);
        if (found >= 0)
        {
            WriteInteger(output, 0x80, 7, found + StaticTable.Count + 1);
            return;
        }

        var nameIndex = (int)staticName;
        if (nameIndex == 0)
        {
            var named = _table.FindName(nameHash, name);
            if (named >= 0) nameIndex = named + StaticTable.Count + 1;
        }

        ref var seen = ref _seen[fieldHash % SeenSize];
        var index2 = nameIndex == 0 || seen == fieldHash || nameId is HeaderNames.Authority or HeaderNames.Method or HeaderNames.Scheme;
        seen = fieldHash;
        if (index2 && name.Length + value.Length + 32 <= _table.MaxSize)
        {
            WriteLiteral(output, 0x40, 6, nameIndex, name, value);
            _table.Add(nameId, name, value, nameHash, fieldHash);
        }
        else
        {
            WriteLiteral(output, 0x00, 4, nameIndex, name, value);
        }
    }

    private static void WriteLiteral(OutputBuffer output, byte pattern, int prefixBits, int nameIndex, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        WriteInteger(output, pattern, prefixBits, nameIndex);
        if (nameIndex == 0) WriteString(output, name);
        WriteString(output, value);
    }

    private static void WriteInteger(OutputBuffer output, byte pattern, int prefixBits, int value) =>
        output.Advance(HpackInteger.Write(output.GetSpan(HpackInteger.MaxLength), pattern, prefixBits, value));

    private static void WriteString(OutputBuffer output, ReadOnlySpan<byte> text)
    {
        var span = output.GetSpan(HpackInteger.MaxLength + text.Length);
        var encoded = Huffman.EncodedLength(text);
        if (encoded < text.Length)
        {
            var n = HpackInteger.Write(span, 0x80, 7, encoded);
            output.Advance(n + Huffman.Encode(text, span[n..]));
        }
        else
        {
            var n = HpackInteger.Write(span, 0x00, 7, text.Length);
            text.CopyTo(span[n..]);
            output.Advance(n + text.Length);
        }
    }

    private static uint Hash(ReadOnlySpan<byte> bytes, uint seed)
    {
        var hash = seed ^ ((ulong)bytes.Length * 0x9e3779b97f4a7c15);
        while (bytes.Length >= 8)
        {
            hash = (hash ^ BinaryPrimitives.ReadUInt64LittleEndian(bytes)) * 0xff51afd7ed558ccd;
            hash ^= hash >> 32;
            bytes = bytes[8..];
        }

        foreach (var b in bytes) hash = (hash ^ b) * 0x100000001b3;
        hash *= 0xc4ceb9fe1a85ec53;
        var folded = (uint)(hash >> 32);
        return folded == 0 ? 1 : folded;
    }
}

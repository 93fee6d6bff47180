namespace Culvert.Http2.Hpack;

/// <summary>Decodes header blocks (RFC 7541). One per connection; not thread-safe.</summary>
internal sealed class HpackDecoder
{
    private const int EntryOverhead = 32;

    /// <summary>An encoder says the smallest size since its last block, and the last (RFC 7541, section 4.2); each may cost an allocation here.</summary>
    private const int MaxSizeUpdates = 2;

    private readonly DynamicTable _table;
    private int _limit;
    private bool _sizeUpdateRequired;
    private HeaderList _target = null!;
    private int _room;
    private bool _tooLarge;

    public HpackDecoder(int tableSize)
    {
        // The peer's encoder starts from 4,096 bytes, whatever was announced, until it has acknowledged the setting.
        _limit = Math.Max(4096, tableSize);
        _table = new DynamicTable(4096);
    }

    /// <summary>Size the peer's encoder has chosen.</summary>
    public int TableSize => _table.MaxSize;

    /// <summary>Bytes in the table.</summary>
    public int TableUsed => _table.Size;

    /// <summary>Sets the size the peer acknowledged. When lower than in use, the next block must start by saying so (RFC 7541, section 4.2).</summary>
    public void SetLimit(int tableSize)
    {
        _limit = tableSize;
        if (_table.MaxSize > tableSize) _sizeUpdateRequired = true;
    }

    /// <summary>Decodes a whole block, appending to <paramref name="target"/> at most <paramref name="maxListSize"/> bytes (32 counted extra per field).</summary>
    public HpackResult Decode(ReadOnlySpan<byte> block, HeaderList target, int maxListSize)
    {
        _target = target;
        _room = maxListSize;
        _tooLarge = false;
        var position = 0;
        var fieldSeen = false;
        var sizeUpdates = 0;
        while (position < block.Length)
        {
            var first = block[position];
            if ((first & 0xe0) == 0x20)
            {
                if (fieldSeen || ++sizeUpdates > MaxSizeUpdates || !ReadSizeUpdate(block, ref position)) return HpackResult.Error;
                continue;
            }

            if (_sizeUpdateRequired) return HpackResult.Error;
            fieldSeen = true;
            var ok = (first & 0x80) != 0
                ? ReadIndexed(block, ref position)
                : ReadLiteral(block, ref position, first);
            if (!ok) return HpackResult.Error;
        }

        return _tooLarge ? HpackResult.TooLarge : HpackResult.Ok;
    }

    private bool ReadSizeUpdate(ReadOnlySpan<byte> block, ref int position)
    {
        if (!HpackInteger.TryRead(block, ref position, 5, out var size) || size > _limit) return false;
        _table.Resize(size);
        _sizeUpdateRequired = false;
        return true;
    }

    private bool ReadIndexed(ReadOnlySpan<byte> block, ref int position)
    {
        if (!HpackInteger.TryRead(block, ref position, 7, out var index) || index == 0) return false;
        if (index <= StaticTable.Count)
        {
            var name = StaticTable.Name(index);
            Append(HeaderNames.Find(name), name, StaticTable.Value(index));
            return true;
        }

        index -= StaticTable.Count + 1;
        if (index >= _table.Count) return false;
        Append(_table.NameId(index), _table.Name(index), _table.Value(index));
        return true;
    }

    private void Append(byte nameId, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (Fits(name.Length + value.Length)) _target.Append(nameId, name, value, neverIndexed: false);
    }

    // Literal fields are decoded straight into the list's buffer: name, then value behind it.
    private bool ReadLiteral(ReadOnlySpan<byte> block, ref int position, byte first)
    {
        var indexing = (first & 0x40) != 0;
        var neverIndexed = !indexing && (first & 0x10) != 0;
        if (!HpackInteger.TryRead(block, ref position, indexing ? 6 : 4, out var nameIndex)) return false;

        int nameLength;
        byte nameId;
        if (nameIndex == 0)
        {
            if (!ReadString(block, ref position, 0, out nameLength) || nameLength == 0) return false;
            nameId = HeaderNames.Find(_target.Scratch(nameLength)[..nameLength]);
        }
        else
        {
            scoped ReadOnlySpan<byte> name;
            if (nameIndex <= StaticTable.Count)
            {
                name = StaticTable.Name(nameIndex);
                nameId = HeaderNames.Find(name);
            }
            else
            {
                nameIndex -= StaticTable.Count + 1;
                if (nameIndex >= _table.Count) return false;
                name = _table.Name(nameIndex);
                nameId = _table.NameId(nameIndex);
            }

            nameLength = name.Length;
            name.CopyTo(_target.Scratch(nameLength));
        }

        if (!ReadString(block, ref position, nameLength, out var valueLength)) return false;
        if (indexing)
        {
            var field = _target.Scratch(nameLength + valueLength);
            _table.Add(nameId, field[..nameLength], field.Slice(nameLength, valueLength));
        }

        if (Fits(nameLength + valueLength)) _target.Commit(nameId, nameLength, valueLength, neverIndexed);
        return true;
    }

    private bool ReadString(ReadOnlySpan<byte> block, ref int position, int offset, out int length)
    {
        length = 0;
        if (position >= block.Length) return false;
        var huffman = (block[position] & 0x80) != 0;
        if (!HpackInteger.TryRead(block, ref position, 7, out var encoded) || encoded > block.Length - position) return false;
        var source = block.Slice(position, encoded);
        position += encoded;
        if (huffman)
        {
            length = Huffman.Decode(source, _target.Scratch(offset + Huffman.MaxDecodedLength(encoded))[offset..]);
            return length >= 0;
        }

        source.CopyTo(_target.Scratch(offset + encoded)[offset..]);
        length = encoded;
        return true;
    }

    private bool Fits(int length)
    {
        _room -= length + EntryOverhead;
        if (_room < 0)
        {
            _tooLarge = true;
            _room = -1;
        }

        return !_tooLarge;
    }
}

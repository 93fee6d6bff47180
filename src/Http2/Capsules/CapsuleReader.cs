namespace Culvert.Http2.Capsules;

/// <summary>
/// Takes a stream of capsules (RFC 9297) apart, however it is cut into pieces. A capsule that lies in one piece is handed out where it lies; the pieces of one that
/// does not are kept in a store as they come, or skipped where that has no room. Capsules of unknown types are skipped and never held.
/// Nothing a peer sends makes it throw. Not thread-safe.
/// </summary>
/// <param name="maxValue">Longest value of a DATAGRAM capsule, in bytes.</param>
/// <param name="store">Has to be this reader's own.</param>
public sealed class CapsuleReader(int maxValue, ICapsuleStore store)
{
    private readonly byte[] _head = new byte[Capsule.MaxHeaderLength];
    private int _headLength;
    private ulong _skip;
    private int _missing;
    private bool _failed;

    /// <summary>True between capsules: a stream may end here (RFC 9297, section 3.3).</summary>
    public bool IsAtBoundary => _headLength == 0 && _skip == 0 && _missing == 0 && !_failed;

    /// <summary>Takes the next capsule off <paramref name="input"/>. Call again until it answers <see cref="CapsuleStatus.NeedMore"/>.</summary>
    /// <param name="input">What has come; what was used is cut off its start.</param>
    /// <param name="value">The value of a datagram: valid until the next call, and as long as the input and what the store joins are.</param>
    public CapsuleStatus Read(ref ReadOnlySpan<byte> input, out ReadOnlySpan<byte> value)
    {
        value = default;
        if (_failed) return CapsuleStatus.TooLong;
        if (_missing > 0) return Reassemble(ref input, out value);
        while (true)
        {
            if (_skip > 0)
            {
                var n = (int)Math.Min(_skip, (ulong)input.Length);
                _skip -= (ulong)n;
                input = input[n..];
            }

            if (input.IsEmpty) return CapsuleStatus.NeedMore;
            if (!TryReadHeader(ref input, out var type, out var length)) return CapsuleStatus.NeedMore;
            if (type != Capsule.DatagramType)
            {
                _skip = length;
                return CapsuleStatus.Unknown;
            }

            if (length > (ulong)maxValue)
            {
                _failed = true;
                return CapsuleStatus.TooLong;
            }

            if (length <= (ulong)input.Length)
            {
                value = input[..(int)length];
                input = input[(int)length..];
                return CapsuleStatus.Datagram;
            }

            _missing = (int)length;
            return Reassemble(ref input, out value);
        }
    }

    /// <summary>Forgets the capsule whose pieces are kept, if there is one, and skips what is still to come of it. False when there is none.</summary>
    public bool GiveUp()
    {
        if (_missing == 0) return false;
        store.Clear();
        _skip = (ulong)_missing;
        _missing = 0;
        return true;
    }

    private CapsuleStatus Reassemble(ref ReadOnlySpan<byte> input, out ReadOnlySpan<byte> value)
    {
        var piece = input[..Math.Min(_missing, input.Length)];
        input = input[piece.Length..];
        _missing -= piece.Length;
        value = default;
        if (_missing == 0)
        {
            value = store.Join(piece);
            return CapsuleStatus.Datagram;
        }

        if (piece.IsEmpty || store.TryKeep(piece)) return CapsuleStatus.NeedMore;
        GiveUp();
        return CapsuleStatus.NoRoom;
    }

    private bool TryReadHeader(ref ReadOnlySpan<byte> input, out ulong type, out ulong length)
    {
        if (_headLength == 0)
        {
            if (TryParseHeader(input, out type, out length, out var used))
            {
                input = input[used..];
                return true;
            }

            input.CopyTo(_head);
            _headLength = input.Length;
            input = default;
            return false;
        }

        // A header cut in two is rare: byte by byte is good enough.
        type = length = 0;
        while (!input.IsEmpty)
        {
            _head[_headLength++] = input[0];
            input = input[1..];
            if (!TryParseHeader(_head.AsSpan(0, _headLength), out type, out length, out _)) continue;
            _headLength = 0;
            return true;
        }

        return false;
    }

    private static bool TryParseHeader(ReadOnlySpan<byte> source, out ulong type, out ulong length, out int used)
    {
        length = 0;
        used = 0;
        if (!QuicVarint.TryRead(source, out type, out var typeLength)) return false;
        if (!QuicVarint.TryRead(source[typeLength..], out length, out var lengthLength)) return false;
        used = typeLength + lengthLength;
        return true;
    }
}

using System.Buffers;

namespace Culvert.Http2.Capsules;

/// <summary>
/// Takes a stream of capsules (RFC 9297) apart, however it is cut into pieces. A capsule that lies in one piece is handed out where it lies; one that does
/// not is gathered in a pooled buffer of its own length, which is bounded. Capsules of unknown types are skipped and never held.
/// Nothing a peer sends makes it throw. Not thread-safe.
/// </summary>
/// <param name="maxValue">Longest value of a DATAGRAM capsule, in bytes.</param>
public sealed class CapsuleReader(int maxValue) : IDisposable
{
    private readonly byte[] _head = new byte[Capsule.MaxHeaderLength];
    private int _headLength;
    private ulong _skip;
    private byte[]? _gathered;
    private int _have;
    private int _wanted;
    private bool _complete;
    private bool _failed;

    /// <summary>True between capsules: a stream may end here (RFC 9297, section 3.3).</summary>
    public bool IsAtBoundary => _headLength == 0 && _skip == 0 && (_gathered is null || _complete) && !_failed;

    /// <summary>Takes the next capsule off <paramref name="input"/>. Call again until it answers <see cref="CapsuleStatus.NeedMore"/>.</summary>
    /// <param name="input">What has come; what was used is cut off its start.</param>
    /// <param name="value">The value of a datagram: valid until the next call and as long as the input is.</param>
    public CapsuleStatus Read(ref ReadOnlySpan<byte> input, out ReadOnlySpan<byte> value)
    {
        value = default;
        if (_failed) return CapsuleStatus.TooLong;
        if (_complete) Release();
        if (_gathered is not null) return Gather(ref input, out value);
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

            _wanted = (int)length;
            _have = 0;
            _gathered = ArrayPool<byte>.Shared.Rent(_wanted);
            return Gather(ref input, out value);
        }
    }

    /// <summary>Gives pooled memory back; the reader may be used again.</summary>
    public void Dispose()
    {
        Release();
        _headLength = 0;
        _skip = 0;
        _failed = false;
    }

    private CapsuleStatus Gather(ref ReadOnlySpan<byte> input, out ReadOnlySpan<byte> value)
    {
        var n = Math.Min(_wanted - _have, input.Length);
        input[..n].CopyTo(_gathered.AsSpan(_have));
        input = input[n..];
        _have += n;
        value = default;
        if (_have < _wanted) return CapsuleStatus.NeedMore;
        _complete = true;
        value = _gathered.AsSpan(0, _wanted);
        return CapsuleStatus.Datagram;
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

    private void Release()
    {
        var gathered = _gathered;
        _gathered = null;
        _complete = false;
        if (gathered is not null) ArrayPool<byte>.Shared.Return(gathered);
    }
}

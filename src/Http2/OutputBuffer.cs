using System.Buffers;

namespace Culvert.Http2;

/// <summary>
/// Bytes waiting for the transport in one contiguous pooled array, so that they can be written with one call. Grows as needed and goes back to the pool
/// when it is empty and large.
/// </summary>
internal sealed class OutputBuffer : IDisposable
{
    private const int InitialSize = 32 << 10;
    private const int KeptSize = 64 << 10;

    private byte[] _bytes = [];
    private int _start;
    private int _end;
    private bool _held;

    public int Pending => _end - _start;

    /// <summary>Bytes ever made pending: the position of what comes next.</summary>
    public long Position { get; private set; }

    public ReadOnlyMemory<byte> Peek() => _bytes.AsMemory(_start, _end - _start);

    /// <summary>Room behind the pending bytes of at least <paramref name="size"/> bytes; <see cref="Advance"/> makes it pending.</summary>
    public Span<byte> GetSpan(int size)
    {
        if (_held) throw new InvalidOperationException("Reserved DATA must be committed before anything else is sent.");
        if (_bytes.Length - _end < size) MakeRoom(size);
        return _bytes.AsSpan(_end);
    }

    public void Advance(int count)
    {
        _end += count;
        Position += count;
    }

    /// <summary>As <see cref="GetSpan"/>, and nothing else may be added until <see cref="Release"/>.</summary>
    public Span<byte> Hold(int size)
    {
        var span = GetSpan(size);
        _held = true;
        return span;
    }

    public Span<byte> Release(int size)
    {
        _held = false;
        return _bytes.AsSpan(_end, size);
    }

    /// <summary>Bytes appended since <paramref name="mark"/>, a value of <see cref="Pending"/> taken earlier.</summary>
    public Span<byte> Since(int mark) => _bytes.AsSpan(_start + mark, Pending - mark);

    public void Consume(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Pending);
        _start += count;
        if (_start != _end || _held) return;
        _start = _end = 0;
        if (_bytes.Length > KeptSize) Dispose();
    }

    /// <summary>Gives the memory of an empty buffer back.</summary>
    public void Trim()
    {
        if (Pending == 0 && !_held) Dispose();
    }

    public void Dispose()
    {
        var bytes = _bytes;
        _bytes = [];
        _start = _end = 0;
        _held = false;
        if (bytes.Length > 0) ArrayPool<byte>.Shared.Return(bytes);
    }

    private void MakeRoom(int size)
    {
        var pending = Pending;
        var needed = pending + size;
        // Moving down costs less than growing when most of the array is behind.
        if (needed <= _bytes.Length && pending <= _bytes.Length / 2)
        {
            _bytes.AsSpan(_start, pending).CopyTo(_bytes);
        }
        else
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(InitialSize, Math.Max(needed, Math.Min(pending * 2, needed + (1 << 20)))));
            _bytes.AsSpan(_start, pending).CopyTo(larger);
            if (_bytes.Length > 0) ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = larger;
        }

        _start = 0;
        _end = pending;
    }
}

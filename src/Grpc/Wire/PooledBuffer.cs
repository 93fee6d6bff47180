using System.Buffers;

namespace Culvert.Grpc;

/// <summary>A growing buffer of bytes from the shared pool; <see cref="Dispose"/> gives it back. Not thread-safe.</summary>
internal sealed class PooledBuffer : IBufferWriter<byte>, IDisposable
{
    private const int MinimumSize = 256;

    private byte[] array = [];

    internal int Length { get; private set; }

    internal ReadOnlyMemory<byte> WrittenMemory => array.AsMemory(0, Length);

    internal Span<byte> WrittenSpan => array.AsSpan(0, Length);

    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, array.Length - Length);
        Length += count;
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        EnsureFree(sizeHint);
        return array.AsMemory(Length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        EnsureFree(sizeHint);
        return array.AsSpan(Length);
    }

    public void Dispose()
    {
        if (array.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(array);
            array = [];
        }

        Length = 0;
    }

    internal void EnsureFree(int size)
    {
        size = Math.Max(size, 1);
        if (array.Length - Length >= size)
        {
            return;
        }

        long doubled = Math.Min((long)array.Length * 2, Array.MaxLength);
        int wanted = (int)Math.Max(Math.Max(checked(Length + size), doubled), MinimumSize);
        byte[] larger = ArrayPool<byte>.Shared.Rent(wanted);
        array.AsSpan(0, Length).CopyTo(larger);
        if (array.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(array);
        }

        array = larger;
    }
}

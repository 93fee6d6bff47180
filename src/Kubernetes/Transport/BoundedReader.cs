namespace Culvert.Kubernetes.Transport;

/// <summary>Reads what the server sends, and not more than was agreed.</summary>
internal static class BoundedReader
{
    private const int FirstSize = 16 << 10;

    /// <summary>Reads to the end.</summary>
    /// <returns>The bytes; null when there are more than <paramref name="most"/>.</returns>
    public static async Task<ReadOnlyMemory<byte>?> ReadAsync(Stream stream, int most, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[Math.Min(FirstSize, most)];
        int length = 0;
        while (true)
        {
            if (length == buffer.Length)
            {
                // One byte more than allowed tells whether there is more.
                if (length > most) return null;
                Array.Resize(ref buffer, (int)Math.Min(most + 1L, Math.Max(buffer.Length * 2L, 1)));
            }
            int count = await stream.ReadAsync(buffer.AsMemory(length), cancellationToken);
            if (count == 0) return length <= most ? buffer.AsMemory(0, length) : null;
            length += count;
        }
    }
}

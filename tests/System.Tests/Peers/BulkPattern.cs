using System.Net.Sockets;

namespace Culvert.SystemTests.Peers;

/// <summary>
/// A stream whose every byte depends on its position, made and checked at memory speed: a block of random bytes whose length is prime, repeated.
/// A lost, doubled or moved byte shows at once.
/// </summary>
internal sealed class BulkPattern
{
    private const int Period = 1_048_573; // the largest prime below 1 MiB
    private readonly byte[] _block = new byte[Period * 2];

    public BulkPattern(int seed)
    {
        new Random(seed).NextBytes(_block.AsSpan(0, Period));
        _block.AsSpan(0, Period).CopyTo(_block.AsSpan(Period));
    }

    public async Task SendAsync(Socket socket, long length)
    {
        const int Chunk = 256 * 1024;
        for (var position = 0L; position < length;)
        {
            var n = (int)Math.Min(Chunk, length - position);
            position += await socket.SendAsync(_block.AsMemory((int)(position % Period), n));
        }
    }

    /// <summary>Reads to the end of the stream.</summary>
    /// <returns>How many bytes came.</returns>
    /// <exception cref="InvalidDataException">A byte is not what was sent there.</exception>
    public async Task<long> ReceiveAsync(Socket socket, long? stopAfter = null)
    {
        var buffer = new byte[256 * 1024];
        var position = 0L;
        for (int n; (stopAfter is null || position < stopAfter) && (n = await socket.ReceiveAsync(buffer)) > 0; position += n)
        {
            if (!buffer.AsSpan(0, n).SequenceEqual(_block.AsSpan((int)(position % Period), n)))
            {
                throw new InvalidDataException($"wrong byte in {n} at {position}");
            }
        }

        return position;
    }
}

using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>A body that is made while it is sent, in pieces of random lengths, so that none of its size is in memory. For one request.</summary>
internal sealed class GeneratedBody(long size, bool hasLength) : HttpContent
{
    private readonly TaskCompletionSource<byte[]> _hash = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>How many bytes it has.</summary>
    internal long Size => size;

    /// <summary>The length that its receiver is told; null: none.</summary>
    internal long? Length => hasLength ? size : null;

    /// <summary>SHA-256 of what was sent, once all was: its echo may be whole a moment before whoever sends goes on.</summary>
    internal Task<byte[]> HashAsync() => _hash.Task.WaitAsync(TimeSpan.FromSeconds(20));

    /// <summary>Sends it.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="inChunks">In chunks of HTTP/1.1 (RFC 9112, section 7.1), with the last.</param>
    internal async Task SendAsync(Stream stream, bool inChunks)
    {
        Random random = new(unchecked((int)size));
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] room = new byte[100_000];
        for (long left = size; left > 0;)
        {
            int length = (int)Math.Min(left, random.Next(1, room.Length));
            random.NextBytes(room.AsSpan(0, length));
            hash.AppendData(room, 0, length);
            if (inChunks) await stream.WriteAsync(Encoding.ASCII.GetBytes(length.ToString("x", CultureInfo.InvariantCulture) + "\r\n"));
            await stream.WriteAsync(room.AsMemory(0, length));
            if (inChunks) await stream.WriteAsync("\r\n"u8.ToArray());
            left -= length;
        }

        if (inChunks) await stream.WriteAsync("0\r\n\r\n"u8.ToArray());
        _hash.SetResult(hash.GetHashAndReset());
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SendAsync(stream, inChunks: false);

    protected override bool TryComputeLength(out long length)
    {
        length = size;
        return hasLength;
    }
}

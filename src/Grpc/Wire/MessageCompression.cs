using System.Buffers;
using System.IO.Compression;

namespace Culvert.Grpc;

/// <summary>Message compression; <c>identity</c> and <c>gzip</c> only.</summary>
internal static class MessageCompression
{
    private const int ChunkSize = 16 * 1024;

    /// <summary>Unpacks a payload, stopping as soon as it grows beyond the limit.</summary>
    /// <exception cref="RpcException">Too long, or not valid gzip.</exception>
    internal static PooledBuffer Decompress(in ReadOnlySequence<byte> payload, int? maxSize)
    {
        byte[] packed = ArrayPool<byte>.Shared.Rent(checked((int)payload.Length));
        PooledBuffer output = new();
        try
        {
            payload.CopyTo(packed);
            using MemoryStream source = new(packed, 0, (int)payload.Length, writable: false);
            using GZipStream gzip = new(source, CompressionMode.Decompress);
            while (gzip.Read(output.GetSpan(ChunkSize)) is int read and > 0)
            {
                output.Advance(read);
                if (output.Length > (maxSize ?? int.MaxValue))
                {
                    throw new RpcException(new Status(
                        StatusCode.ResourceExhausted, $"Decompressed message exceeds the maximum of {maxSize} bytes."));
                }
            }

            return output;
        }
        catch (InvalidDataException e)
        {
            output.Dispose();
            throw new RpcException(new Status(StatusCode.Internal, "Compressed message is not valid gzip.", e));
        }
        catch
        {
            output.Dispose();
            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(packed);
        }
    }

    /// <summary>Packs bytes after what the output holds already.</summary>
    internal static void Compress(ReadOnlySpan<byte> payload, PooledBuffer output)
    {
        using BufferStream stream = new(output);
        using GZipStream gzip = new(stream, CompressionLevel.Fastest);
        gzip.Write(payload);
    }
}

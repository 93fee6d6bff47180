using Culvert.Http1;
using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>Frames bodies for receivers of HTTP/1.1 (RFC 9112, section 7.1). Composes in the loop's second buffer.</summary>
internal static class BodyFraming
{
    /// <summary>Writes a chunk.</summary>
    /// <param name="to">The receiver.</param>
    /// <param name="content">What is in it; not empty, and shorter than a loop's buffer by 16 bytes or more.</param>
    /// <returns>False when the receiver is broken, or there is no buffer for what waits.</returns>
    internal static bool WriteChunk(HttpSide to, ReadOnlySpan<byte> content)
    {
        Span<byte> room = to.Transport.Loop.Joined;
        int size = Http1HeadWriter.WriteChunkSize(content.Length, room);
        content.CopyTo(room[size..]);
        "\r\n"u8.CopyTo(room[(size + content.Length)..]);
        return to.Output.Write(room[..(size + content.Length + 2)]);
    }

    /// <summary>Writes the last chunk and the trailers.</summary>
    /// <param name="to">The receiver.</param>
    /// <param name="trailers">The trailers.</param>
    /// <returns>False when the receiver is broken, there is no buffer for what waits, or the trailers are longer than one.</returns>
    internal static bool WriteEnd(HttpSide to, HeaderList trailers)
    {
        Span<byte> room = to.Transport.Loop.Joined;
        return Http1HeadWriter.TryWriteLastChunk(trailers, room, out int length) && to.Output.Write(room[..length]);
    }

    /// <summary>Writes as much of a body's content as the receiver takes.</summary>
    /// <param name="to">The receiver.</param>
    /// <param name="content">The content.</param>
    /// <param name="inChunks">Whether it goes in chunks.</param>
    /// <param name="isBroken">Whether the receiver is broken, or there is no buffer for what waits.</param>
    /// <returns>How many bytes were taken.</returns>
    internal static int Write(HttpSide to, ReadOnlySpan<byte> content, bool inChunks, out bool isBroken)
    {
        isBroken = false;
        int taken = 0;
        while (taken < content.Length && !to.Output.IsBlocked && !isBroken)
        {
            ReadOnlySpan<byte> piece = content.Slice(taken, Math.Min(content.Length - taken, LargestPiece));
            isBroken = !(inChunks ? WriteChunk(to, piece) : to.Output.Write(piece));
            taken += piece.Length;
        }

        return taken;
    }

    private const int LargestPiece = 16 * 1024;
}

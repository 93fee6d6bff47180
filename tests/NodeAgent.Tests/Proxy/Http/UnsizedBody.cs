using System.Net;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>A body without a length: in chunks, or up to the end of a stream.</summary>
/// <param name="content">Its bytes.</param>
/// <param name="until">When they are sent; null: at once. The head goes before.</param>
/// <param name="pieces">In how many pieces, about, each of which is flushed.</param>
internal sealed class UnsizedBody(byte[] content, Task? until = null, int pieces = 1) : HttpContent
{
    /// <summary>A text, in three pieces.</summary>
    internal static UnsizedBody InPieces(string text) => new(System.Text.Encoding.ASCII.GetBytes(text), pieces: 3);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        await stream.FlushAsync();
        if (until is not null) await until;
        foreach (byte[] piece in content.Chunk(Math.Max(1, content.Length / pieces)))
        {
            await stream.WriteAsync(piece);
            await stream.FlushAsync();
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}

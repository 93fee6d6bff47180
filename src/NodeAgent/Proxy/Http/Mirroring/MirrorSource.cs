using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.OwnCalls;

namespace Culvert.NodeAgent.Proxy.Http.Mirroring;

/// <summary>The client's side of a copy on its way: has its body, and throws the response away. Belongs to its loop's thread.</summary>
/// <param name="copy">The copy.</param>
/// <param name="exchange">Knows the server's side.</param>
internal sealed class MirrorSource(MirrorCopy copy, IExchange exchange) : OwnSource(exchange)
{
    /// <inheritdoc/>
    protected override ReadOnlySpan<byte> Body => copy.Body;

    /// <inheritdoc/>
    public override int Send(ReadOnlySpan<byte> data) => data.Length;

    /// <inheritdoc/>
    public override void End(HeaderList? trailers)
    {
        // The exchange hears when the server's side is over.
    }

    /// <inheritdoc/>
    /// <remarks>Each mirror's policy may take some of them out.</remarks>
    protected override HeaderList? OwnTrailers()
    {
        if (copy.Trailers is not { } trailers) return null;
        HeaderList own = new();
        own.AddRange(trailers);
        return own;
    }
}

using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Http.Mirroring;

/// <summary>The client's side of a copy on its way: has its body, and throws the response away. Belongs to its loop's thread.</summary>
/// <param name="copy">The copy.</param>
/// <param name="exchange">Knows the server's side.</param>
internal sealed class MirrorSource(MirrorCopy copy, IExchange exchange) : IExchangeLeg
{
    private int _sent;

    /// <summary>Whether the server has all of it.</summary>
    internal bool HasEnded { get; private set; }

    /// <inheritdoc/>
    public bool IsOpen { get; private set; } = true;

    /// <inheritdoc/>
    public int Send(ReadOnlySpan<byte> data) => data.Length;

    /// <inheritdoc/>
    public void End(HeaderList? trailers)
    {
        // The exchange hears when the server's side is over.
    }

    /// <inheritdoc/>
    public void PassOn()
    {
        while (IsOpen && _sent < copy.Body.Length)
        {
            int sent = exchange.Other(this).Send(copy.Body[_sent..]);
            if (sent == 0) return;
            _sent += sent;
        }

        if (!IsOpen || HasEnded) return;
        HasEnded = true;
        exchange.Other(this).End(OwnTrailers());
    }

    /// <inheritdoc/>
    public void Reset(Http2ErrorCode code)
    {
        // What is left of the body is not wanted.
        if (!IsOpen) return;
        IsOpen = false;
        exchange.OnLegClosed();
    }

    // Each mirror's policy may take some of them out.
    private HeaderList? OwnTrailers()
    {
        if (copy.Trailers is not { } trailers) return null;
        HeaderList own = new();
        own.AddRange(trailers);
        return own;
    }

    /// <inheritdoc/>
    public void Abandon() => IsOpen = false;

    /// <inheritdoc/>
    public void Clear() => IsOpen = false;
}

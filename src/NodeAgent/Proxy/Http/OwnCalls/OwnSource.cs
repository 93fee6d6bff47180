using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Http.OwnCalls;

/// <summary>The client's side of a request of the proxy's own: has its body, all of it. Belongs to its loop's thread.</summary>
/// <param name="exchange">Knows the server's side.</param>
internal abstract class OwnSource(IExchange exchange) : IExchangeLeg
{
    private int _sent;

    /// <summary>Whether the server has all of it.</summary>
    internal bool HasEnded { get; private set; }

    /// <summary>The answer's trailers; null: none have come.</summary>
    internal HeaderList? Trailers { get; private set; }

    /// <inheritdoc/>
    public bool IsOpen { get; private set; } = true;

    /// <summary>The body.</summary>
    protected abstract ReadOnlySpan<byte> Body { get; }

    /// <inheritdoc/>
    public abstract int Send(ReadOnlySpan<byte> data);

    /// <inheritdoc/>
    public virtual void End(HeaderList? trailers)
    {
        if (trailers is null) return;
        Trailers = new HeaderList();
        Trailers.AddRange(trailers);
    }

    /// <inheritdoc/>
    public void PassOn()
    {
        while (IsOpen && _sent < Body.Length)
        {
            int sent = exchange.Other(this).Send(Body[_sent..]);
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

    /// <inheritdoc/>
    public void Abandon() => IsOpen = false;

    /// <inheritdoc/>
    public void Clear() => IsOpen = false;

    /// <summary>The trailers, in a list that the server's policy may take some out of; null without.</summary>
    protected virtual HeaderList? OwnTrailers() => null;
}

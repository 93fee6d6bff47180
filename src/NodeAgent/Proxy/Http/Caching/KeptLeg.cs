using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Caching;

/// <summary>The server's side of a request of HTTP/2 that is answered with a response that is kept: its body goes out as the client takes it. Used for one request after the other. Belongs to its loop's thread.</summary>
/// <param name="exchange">Whose requests.</param>
internal sealed class KeptLeg(IExchange exchange) : IExchangeLeg
{
    private ReadOnlyMemory<byte> _left;

    /// <inheritdoc/>
    public bool IsOpen { get; private set; }

    /// <summary>Hears of the request; null: whoever hears of its client's connection.</summary>
    internal IRequestObserver? Requests { get; private set; }

    /// <summary>Bytes of the body that have gone out.</summary>
    internal long Passed { get; private set; }

    /// <summary>The head is about to be sent.</summary>
    /// <param name="body">The body that follows.</param>
    /// <param name="requests">Hears of the request.</param>
    internal void Begin(ReadOnlyMemory<byte> body, IRequestObserver? requests) => (_left, IsOpen, Requests, Passed) = (body, !body.IsEmpty, requests, 0);

    /// <inheritdoc/>
    public int Send(ReadOnlySpan<byte> data) => data.Length; // what still came of a request would be for nobody

    /// <inheritdoc/>
    public void End(HeaderList? trailers)
    {
        // So is its end.
    }

    /// <inheritdoc/>
    public void PassOn()
    {
        while (IsOpen && !_left.IsEmpty)
        {
            int sent = exchange.Other(this).Send(_left.Span);
            if (sent == 0 || !IsOpen) return;
            _left = _left[sent..];
            Passed += sent;
        }

        if (!IsOpen) return;
        Clear();
        exchange.OnPassedOn(this, trailers: null);
        exchange.Other(this).End(null);
    }

    /// <inheritdoc/>
    public void Reset(Http2ErrorCode code)
    {
        if (!IsOpen) return;
        Clear();
        exchange.OnLegClosed();
    }

    /// <inheritdoc/>
    public void Abandon() => Clear();

    /// <inheritdoc/>
    public void Clear() => (_left, IsOpen) = (default, false);
}

using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>A request and its response, as its two legs see it. Called on its loop; must not throw.</summary>
internal interface IExchange
{
    /// <summary>The other leg.</summary>
    IExchangeLeg Other(IExchangeLeg leg);

    /// <summary>The head of the response has come, or of an interim one.</summary>
    /// <param name="headers">The head.</param>
    /// <param name="isFinal">Whether it is not an interim one.</param>
    /// <param name="endStream">Whether nothing follows.</param>
    void OnResponse(HeaderList headers, bool isFinal, bool endStream);

    /// <summary>All of one direction has been passed on.</summary>
    /// <param name="from">The leg that it came by.</param>
    /// <param name="trailers">Its trailers; null without.</param>
    void OnPassedOn(IExchangeLeg from, HeaderList? trailers);

    /// <summary>Counts trailers that are kept for later.</summary>
    /// <returns>False when too much is kept already, of this and other requests.</returns>
    bool TryHoldTrailers(HeaderList trailers);

    /// <summary>A leg receives nothing, so that it can't be told anything either.</summary>
    void OnNotReceived();

    /// <summary>Ends both legs at once.</summary>
    /// <param name="code">Why.</param>
    void Abort(Http2ErrorCode code);

    /// <summary>A leg was reset by its peer, or is gone with its connection.</summary>
    /// <param name="leg">The leg.</param>
    /// <param name="code">Why.</param>
    /// <param name="isConnectionBroken">Whether the connection is gone.</param>
    void OnReset(IExchangeLeg leg, Http2ErrorCode code, bool isConnectionBroken);

    /// <summary>A leg is closed, for whatever reason; with the second the exchange is over.</summary>
    void OnLegClosed();
}

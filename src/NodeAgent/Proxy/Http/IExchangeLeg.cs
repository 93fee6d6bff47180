using Culvert.Http2;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>One of the two sides of a request: the client's or the server's, by whatever version of HTTP. Belongs to its loop's thread.</summary>
internal interface IExchangeLeg
{
    /// <summary>Whether it takes something: it has begun, and is not closed.</summary>
    bool IsOpen { get; }

    /// <summary>Sends a piece of a body.</summary>
    /// <param name="data">The piece.</param>
    /// <returns>How many bytes were taken. When not all were, the other leg's <see cref="PassOn"/> is called once more are.</returns>
    int Send(ReadOnlySpan<byte> data);

    /// <summary>Ends what is sent.</summary>
    /// <param name="trailers">The trailers; null without.</param>
    void End(HeaderList? trailers);

    /// <summary>The other leg takes more: what has come by this one goes on.</summary>
    void PassOn();

    /// <summary>Ends it at once. The exchange hears <see cref="IExchange.OnLegClosed"/> before this returns, but not <see cref="IExchange.OnReset"/>: when the other leg is gone already, it is over then.</summary>
    /// <param name="code">Why.</param>
    void Reset(Http2ErrorCode code);

    /// <summary>Ends it at once, and nobody hears of it.</summary>
    void Abandon();

    /// <summary>Forgets the request.</summary>
    void Clear();
}

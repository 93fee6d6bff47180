using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Hedging;

/// <summary>A request that may be sent to further backends while one has it. Called on its loop; must not throw.</summary>
internal interface IHedgedRequest
{
    /// <summary>Whether a further backend may have it now: it runs, and nothing of a response has been passed on.</summary>
    bool MayHedge { get; }

    /// <summary>Whether it is kept back just now, as while external authorizers are asked about it: they are not asked for a further backend meanwhile.</summary>
    bool IsHeldBack { get; }

    /// <summary>Where it goes.</summary>
    RequestDirection Direction { get; set; }

    /// <summary>How often it has been sent somewhere, or tried to.</summary>
    int Tries { get; set; }

    /// <summary>Its head as it came.</summary>
    HeaderList Fields { get; }

    /// <summary>What is noted of it; null: nothing.</summary>
    IRequestRecord? Record { get; }

    /// <summary>Counts bytes of a copy of its head, which a hedge keeps.</summary>
    /// <returns>False when there are too many already.</returns>
    bool TryHold(int bytes);

    /// <summary>They are not kept any more.</summary>
    void Drop(int bytes);

    /// <summary>A hedge has been answered, and the answer is the client's: the hedge's server takes the place of the one that the request has, and all that follows is the request's matter.</summary>
    /// <param name="hedge">The hedge.</param>
    /// <param name="headers">The response's head.</param>
    /// <param name="endStream">Whether nothing follows.</param>
    void OnHedgeWon(HedgeTry hedge, HeaderList headers, bool endStream);

    /// <summary>The last of its tries has failed that were running.</summary>
    /// <param name="failure">Why.</param>
    void OnAllFailed(in HedgeFailure failure);
}

using Culvert.NodeAgent.Proxy.Http.Routing;

namespace Culvert.NodeAgent.Proxy.Http.Hedging;

/// <summary>Why a hedge has no answer.</summary>
/// <param name="Refusal">What its request is answered with, should nothing else be left.</param>
/// <param name="MayResend">Whether the request may be sent once more whatever its route says: no server was reached, or the connection has gone.</param>
internal readonly record struct HedgeFailure(RequestRefusal Refusal, bool MayResend)
{
    /// <summary>Whether the request may be tried again after it, so far as that is a matter of how often.</summary>
    /// <param name="direction">Where it went.</param>
    /// <param name="tries">How often it was tried, hedges included.</param>
    internal bool MayFollow(in RequestDirection direction, int tries) => Refusal.Error != ProxyError.Denied && (direction.MayTryAgain(tries) || (MayResend && RequestDirection.MayResend(tries)));
}

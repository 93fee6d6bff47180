using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Routing;

/// <summary>One try of a request as its backend's port counts it. A request has one at a time. Belongs to its loop's thread.</summary>
internal struct BackendTry
{
    private BackendRequests? _backend;
    private bool _isAnswered;

    /// <summary>It begins; one that runs must have ended.</summary>
    /// <param name="backend">Where it goes; null where nobody counts.</param>
    /// <param name="isFirst">Whether it is the first of its request.</param>
    /// <returns>False when as many run already as may: then it has not begun.</returns>
    internal bool TryBegin(BackendRequests? backend, bool isFirst)
    {
        if (backend?.Port.TryBegin(isFirst) == false) return false;
        (_backend, _isAnswered) = (backend, false);
        return true;
    }

    /// <summary>Its backend has answered; the rest of the response follows.</summary>
    /// <param name="status">The status. Only of some is the server the one to blame whatever it was asked: 501 or 505 a client could ask for.</param>
    internal void Answered(int status) => Answered(OutcomeOf(status));

    /// <summary>Its backend has answered.</summary>
    /// <param name="outcome">What the answer says of it.</param>
    internal void Answered(TryOutcome outcome)
    {
        _isAnswered = true;
        _backend?.Report(outcome);
    }

    /// <summary>What a response with a status says of its backend.</summary>
    internal static TryOutcome OutcomeOf(int status) => status is 500 or (>= 502 and <= 504) ? TryOutcome.Bad : TryOutcome.Good;

    /// <summary>It is over. Nothing happens when it is already; of a backend that has answered only what is bad counts besides.</summary>
    internal void End(TryOutcome outcome)
    {
        if (_backend is not { } backend) return;
        _backend = null;
        backend.Port.End();
        if (!_isAnswered || outcome == TryOutcome.Bad) backend.Report(outcome);
    }

    /// <summary>It is over, as its request is.</summary>
    /// <param name="status">The status that the client has got; 0: there was no answer, or not all of it.</param>
    /// <param name="error">What kind of error the proxy has answered in the server's place; null: it has not. What it refuses itself says nothing of the backend.</param>
    internal void End(int status, string? error) => End(error is not null && status >= 500 ? TryOutcome.Bad : TryOutcome.Unknown);

    /// <summary>It is over, because its server was not reached, or the connection is no more.</summary>
    /// <param name="failure">Why not: what this node has no room for, or policy forbids, says nothing of the backend.</param>
    internal void End(ProxyFailure failure) => End(failure is ProxyFailure.ConnectRefused or ProxyFailure.ConnectTimeout or ProxyFailure.ConnectFailed or ProxyFailure.TlsHandshake or ProxyFailure.TlsTimeout
        or ProxyFailure.PeerIdentityMismatch or ProxyFailure.PeerRefused or ProxyFailure.ProtocolError or ProxyFailure.ApplicationReset or ProxyFailure.StreamReset or ProxyFailure.TunnelReset
        ? TryOutcome.Bad : TryOutcome.Unknown);
}

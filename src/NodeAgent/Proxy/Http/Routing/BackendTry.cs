using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Routing;

/// <summary>One try of a request as its backend's port counts it. A request has one at a time. Belongs to its loop's thread.</summary>
internal struct BackendTry
{
    private BackendRequests? _backend;

    /// <summary>It begins; one that runs must have ended.</summary>
    /// <param name="backend">Where it goes; null where nobody counts.</param>
    /// <param name="isFirst">Whether it is the first of its request.</param>
    /// <returns>False when as many run already as may: then it has not begun.</returns>
    internal bool TryBegin(BackendRequests? backend, bool isFirst)
    {
        if (backend?.Port.TryBegin(isFirst) == false) return false;
        _backend = backend;
        return true;
    }

    /// <summary>It is over. Nothing happens when it is already.</summary>
    internal void End(TryOutcome outcome)
    {
        if (_backend is not { } backend) return;
        _backend = null;
        backend.Port.End();
        backend.Report(outcome);
    }

    /// <summary>It is over, as its request is, which was answered.</summary>
    /// <param name="status">The status; 0: there was no answer, or not all of it.</param>
    internal void End(int status) => End(status switch { 0 => TryOutcome.Unknown, >= 500 and <= 599 => TryOutcome.Bad, _ => TryOutcome.Good });

    /// <summary>It is over, because its server was not reached.</summary>
    /// <param name="failure">Why not: what this node has no room for, or policy forbids, says nothing of the backend.</param>
    internal void End(ProxyFailure failure) => End(failure is ProxyFailure.ConnectRefused or ProxyFailure.ConnectTimeout or ProxyFailure.ConnectFailed or ProxyFailure.TlsHandshake or ProxyFailure.TlsTimeout
        or ProxyFailure.PeerIdentityMismatch or ProxyFailure.PeerRefused or ProxyFailure.ProtocolError or ProxyFailure.ApplicationReset or ProxyFailure.StreamReset or ProxyFailure.TunnelReset
        ? TryOutcome.Bad : TryOutcome.Unknown);
}

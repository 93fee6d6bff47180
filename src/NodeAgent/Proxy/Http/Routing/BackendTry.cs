using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Routing;

/// <summary>One try of a request as its backend's port counts it, and, if it is a repetition, the metrics. A request has one at a time. Belongs to its loop's thread.</summary>
internal struct BackendTry
{
    private BackendRequests? _backend;
    private IRequestObserver? _repeated;
    private bool _isAnswered;
    private bool _isTimeKnown;
    private TryOutcome _answer;
    private bool _isTimed;
    private long _began; // when all of the request had come; 0: it has not

    /// <summary>It begins; one that runs must have ended.</summary>
    /// <param name="backend">Where it goes; null where nobody counts.</param>
    /// <param name="repeated">Hears what comes of it; null: it is the first of its request.</param>
    /// <param name="isWhole">Whether all of the request has come.</param>
    /// <returns>False when as many run already as may: then it has not begun.</returns>
    internal bool TryBegin(BackendRequests? backend, IRequestObserver? repeated, bool isWhole)
    {
        if (backend?.Port.TryBegin(isFirst: repeated is null) == false)
        {
            repeated?.OnRetried(RetryOutcome.Unknown);
            return false;
        }

        (_backend, _repeated, _isAnswered, _isTimeKnown) = (backend, repeated, false, false);
        if (backend is null) return true;
        backend.Begin();
        (_isTimed, _began) = (backend.Port.IsTimed, 0);
        if (isWhole) RequestCame();
        return true;
    }

    /// <summary>All of the request has come: from now on it is the backend's time.</summary>
    internal void RequestCame()
    {
        if (_isTimed && _began == 0 && _backend is { } backend) _began = backend.Port.Timestamp;
    }

    /// <summary>Its backend has begun to answer; what the answer says of it is known at its end.</summary>
    internal void Begun() => ReportTime(TryOutcome.Unknown);

    /// <summary>Its backend has answered; the rest of the response follows.</summary>
    /// <param name="status">The status. Only of some is the server the one to blame whatever it was asked: 501 or 505 a client could ask for.</param>
    internal void Answered(int status) => Answered(OutcomeOf(status));

    /// <summary>Its backend has answered.</summary>
    /// <param name="outcome">What the answer says of it.</param>
    internal void Answered(TryOutcome outcome)
    {
        (_isAnswered, _answer) = (true, outcome);
        ReportTime(outcome);
        _backend?.Report(outcome);
    }

    /// <summary>What a response with a status says of its backend.</summary>
    internal static TryOutcome OutcomeOf(int status) => status is 500 or (>= 502 and <= 504) ? TryOutcome.Bad : TryOutcome.Good;

    /// <summary>It is over. Nothing happens when it is already; of a backend that has answered only what is bad counts besides.</summary>
    internal void End(TryOutcome outcome)
    {
        Tell((_isAnswered && outcome != TryOutcome.Bad ? _answer : outcome) switch { TryOutcome.Good => RetryOutcome.Succeeded, TryOutcome.Bad => RetryOutcome.Failed, _ => RetryOutcome.Unknown });
        if (_backend is not { } backend) return;
        if (outcome == TryOutcome.Bad) ReportTime(outcome);
        else if (_isTimed && !_isTimeKnown && _began != 0) backend.ReportWait(backend.Port.Since(_began)); // who never answers is given up, and would seem quicker and quicker
        if (!_isAnswered || outcome == TryOutcome.Bad) backend.Report(outcome);
        _backend = null;
        backend.End();
        backend.Port.End();
    }

    /// <summary>It is over, and another is to follow.</summary>
    /// <param name="outcome">What it says of its backend.</param>
    internal void EndForNext(TryOutcome outcome)
    {
        Tell(RetryOutcome.Failed);
        End(outcome);
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

    // How soon the answer begins counts, not how long it goes on; a failure counts besides. Of an answer to what has not all been sent nobody knows whose time it took.
    private void ReportTime(TryOutcome outcome)
    {
        if (!_isTimed || _backend is not { } backend) return;
        TimeSpan? time = _isTimeKnown || _began == 0 ? null : backend.Port.Since(_began);
        if (outcome == TryOutcome.Bad) backend.ReportFailure(time ?? TimeSpan.Zero);
        else if (time is { } known) backend.ReportTime(known);
        _isTimeKnown = true;
    }

    private void Tell(RetryOutcome outcome)
    {
        _repeated?.OnRetried(outcome);
        _repeated = null;
    }
}

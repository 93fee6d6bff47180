using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Routing;

/// <summary>One try of a request as its backend's port counts it, and, if it is a repetition, the metrics. A request has one at a time, or hedges each with its own. Belongs to its loop's thread.</summary>
internal struct BackendTry
{
    private BackendRequests? _backend;
    private IRequestObserver? _repeated;
    private bool _isAnswered;
    private bool _isTimeKnown;
    private TryOutcome _answer;
    private bool _isTimed;
    private bool _isPending; // until it has a connection
    private bool _isWaiting; // for its answer, as its backend counts it
    private PortRequests? _held; // the port at which the request has a place before its first try
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

        Begin(backend, repeated, isWhole);
        return true;
    }

    /// <summary>It begins beside another of its request, which has come as a whole; one that runs must have ended.</summary>
    /// <param name="backend">Where it goes; null where nobody counts.</param>
    /// <returns>False when as many run already as may: then it has not begun.</returns>
    internal bool TryBeginBeside(BackendRequests? backend)
    {
        if (backend?.Port.TryBegin(isFirst: false) == false) return false;
        Begin(backend, repeated: null, isWhole: true);
        return true;
    }

    private void Begin(BackendRequests? backend, IRequestObserver? repeated, bool isWhole)
    {
        (_backend, _repeated, _isAnswered, _isTimeKnown) = (backend, repeated, false, false);
        if (backend is null) return;
        backend.Begin();
        (_isTimed, _isWaiting, _began) = (backend.Port.IsTimed, false, 0);
        if (isWhole) RequestCame();
    }

    /// <summary>All of the request has come: from now on it is the backend's time.</summary>
    internal void RequestCame()
    {
        if (!_isTimed || _began != 0 || _backend is not { } backend) return;
        _began = backend.Port.Timestamp;
        if (_isTimeKnown) return;
        _isWaiting = true;
        backend.BeginWait();
    }

    /// <summary>It begins to wait for a connection.</summary>
    /// <returns>False when as many wait already as may: then it is over, and says nothing of its backend.</returns>
    internal bool TryPend()
    {
        if (_backend is not { } backend) return true;
        if (!backend.Port.TryPend())
        {
            End(TryOutcome.Unknown);
            return false;
        }

        _isPending = true;
        return true;
    }

    /// <summary>It has a connection.</summary>
    internal void EndPend()
    {
        if (_isPending) _backend?.Port.EndPend();
        _isPending = false;
    }

    /// <summary>Its request is to wait before the first try; it has a place meanwhile, as if it ran.</summary>
    /// <param name="port">The port that it would go to; null where nobody counts.</param>
    /// <returns>False when as many run already as may.</returns>
    internal bool TryHold(PortRequests? port)
    {
        if (port?.TryHold() == false) return false;
        _held = port;
        return true;
    }

    /// <summary>It has waited, or is over: its place is free. Nothing happens when it has none.</summary>
    internal void EndHold()
    {
        _held?.End();
        _held = null;
    }

    /// <summary>Its connection has changed to another protocol: the request is over, and no longer among those of which there may be so many at once.</summary>
    /// <returns>Its backend, which has it among those that run until <see cref="BackendRequests.End"/>; null where nobody counts.</returns>
    internal BackendRequests? Upgrade()
    {
        BackendRequests? backend = _backend;
        backend?.Begin();
        return backend;
    }

    /// <summary>Its backend has begun to answer; what the answer says of it is known at its end.</summary>
    internal void Begun() => ReportTime(TryOutcome.Unknown);

    /// <summary>Its backend has answered; the rest of the response follows.</summary>
    /// <param name="status">The status. Only of some is the server the one to blame whatever it was asked: 501 or 505 a client could ask for.</param>
    internal void Answered(int status) => Answered(OutcomeOf(status));

    /// <summary>It is answered in the backend's place, which is not asked: there is no time of its to be counted.</summary>
    internal void NotAsked()
    {
        _isTimeKnown = true;
        if (_backend is { } backend) EndWait(backend);
    }

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
        EndHold();
        Tell((_isAnswered && outcome != TryOutcome.Bad ? _answer : outcome) switch { TryOutcome.Good => RetryOutcome.Succeeded, TryOutcome.Bad => RetryOutcome.Failed, _ => RetryOutcome.Unknown });
        if (_backend is not { } backend) return;
        bool isNews = !_isAnswered || (outcome == TryOutcome.Bad && _answer != TryOutcome.Bad); // a failure that is broken off is one
        if (outcome == TryOutcome.Bad && isNews) ReportTime(outcome);
        else if (_isTimed && !_isTimeKnown && _began != 0) backend.ReportWait(backend.Port.Since(_began)); // who never answers is given up, and would seem quicker and quicker
        if (isNews) backend.Report(outcome);
        EndWait(backend);
        EndPend();
        _backend = null;
        backend.End();
        backend.Port.End();
    }

    /// <summary>It is over without an answer for the client, which has another try or is told so.</summary>
    /// <param name="outcome">What it says of its backend.</param>
    internal void EndUnanswered(TryOutcome outcome)
    {
        Tell(RetryOutcome.Failed);
        End(outcome);
    }

    /// <summary>It is over, as its request is.</summary>
    /// <param name="status">The status that the client has got; 0: there was no answer, or not all of it.</param>
    /// <param name="error">What kind of error the proxy has answered in the server's place; null: it has not. What it refuses itself says nothing of the backend.</param>
    internal void End(int status, string? error) => End(error is not null and not ProxyError.Denied && status >= 500 ? TryOutcome.Bad : TryOutcome.Unknown);

    /// <summary>It is over, because its server was not reached, or the connection is no more.</summary>
    /// <param name="failure">Why not: what this node has no room for, or policy forbids, says nothing of the backend.</param>
    internal void End(ProxyFailure failure) => End(OutcomeOf(failure));

    /// <summary>What a failure to reach a server, or of its connection, says of the backend.</summary>
    internal static TryOutcome OutcomeOf(ProxyFailure failure) => failure is ProxyFailure.ConnectRefused or ProxyFailure.ConnectTimeout or ProxyFailure.ConnectFailed or ProxyFailure.TlsHandshake or ProxyFailure.TlsTimeout
        or ProxyFailure.PeerIdentityMismatch or ProxyFailure.PeerRevoked or ProxyFailure.PeerRefused or ProxyFailure.ProtocolError or ProxyFailure.ApplicationReset or ProxyFailure.StreamReset or ProxyFailure.TunnelReset
        ? TryOutcome.Bad : TryOutcome.Unknown;

    // How soon the answer begins counts, not how long it goes on; a failure counts besides. Of an answer to what has not all been sent nobody knows whose time it took.
    private void ReportTime(TryOutcome outcome)
    {
        if (!_isTimed || _backend is not { } backend) return;
        TimeSpan? time = _isTimeKnown || _began == 0 ? null : backend.Port.Since(_began);
        if (outcome == TryOutcome.Bad) backend.ReportFailure(time ?? TimeSpan.Zero);
        else if (time is { } known) backend.ReportTime(known);
        _isTimeKnown = true;
        EndWait(backend);
    }

    private void EndWait(BackendRequests backend)
    {
        if (_isWaiting) backend.EndWait();
        _isWaiting = false;
    }

    private void Tell(RetryOutcome outcome)
    {
        _repeated?.OnRetried(outcome);
        _repeated = null;
    }
}

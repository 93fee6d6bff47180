using Culvert.Core;
using Culvert.Http1;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Http.Mirroring;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http;

/// <content>Where requests go whose Service has routes: each by a connection to a backend of its own choice, which is taken for it and given back after it.</content>
internal sealed partial class Http1Relay
{
    private readonly RequestRouting? _routing;
    private readonly Http1Servers? _servers;
    private readonly MirrorsOfClient? _mirrors;
    private readonly LoopTimer _tryTimer;
    private RequestDirection _direction;
    private IBodyCopy? _copy; // of the request that runs, for its mirrors
    private BackendTry _try;
    private RequestFaults _faults;
    private RoutedServer? _taken;
    private ConnectOutcome _made;
    private int _tries;
    private ConnectionWait? _wait; // of the last attempt
    private int _connectId; // so that the result of an attempt that was given up is told apart
    private bool _isMade;
    private bool _isServersLast; // its connection can't be used for another request
    private bool _hasTimerFired;
    private bool _isLateAsWhole;
    private long _sentBefore;

    private bool RouteRequest(RequestRouting routing)
    {
        (_tries, _faults) = (0, default);
        return Follow(routing, routing.Router.Find(_exchange.Request.Fields));
    }

    private bool Follow(RequestRouting routing, in RequestDirection direction)
    {
        _hedges?.End();
        _direction = direction;
        _tries++;
        _cached?.Forget(); // what another server says is none of the one before
        if (direction.Refusal is { } refusal)
        {
            Refuse(refusal);
            return false;
        }

        if (direction.IsAnswered) return AnswerAsRouted(routing);
        if (_faults.Delay(direction, Elapsed) is { } delay)
        {
            if (!_try.TryHold(direction.Route.Requests?.Port)) return RefuseTooMany(direction);
            Pause(delay);
            return true;
        }

        if (_faults.Abort(direction) is { } fault)
        {
            Refuse(fault);
            return false;
        }

        if (!_try.TryBegin(direction.Route.Requests, _tries == 1 ? null : _observer, isWhole: IsHeadOnly)) return RefuseTooMany(direction);

        if (_tries == 1) _copy = UpgradeOf(_exchange.Request).IsEmpty ? _mirrors!.Begin(_exchange.Request.Fields, direction, IsHeadOnly) : null;
        _record?.OnTry(direction.Route.Target, direction.Hit);
        ScheduleTimer();
        BeginHedges();
        if (direction.Version == HttpKind.Http2) return SendByStream(routing);
        if (_servers!.TryTake(routing.KeyOf(direction.Route), direction.Route) is { } idle) return Forward(routing, idle);
        if (!_try.TryPend()) return RefusePending(direction);
        _requestPart = RequestPart.Server;
        _ = ConnectAsync(routing, direction.Route, ++_connectId, _wait = new ConnectionWait(Loop));
        return true;
    }

    private bool RefusePending(in RequestDirection direction)
    {
        Refuse(RequestRefusal.TooManyPending(direction.Route.Requests!.Port));
        return false;
    }

    private bool RefuseTooMany(in RequestDirection direction)
    {
        Refuse(RequestRefusal.TooMany(direction.Route.Requests!.Port));
        return false;
    }

    // What was found for it may have changed meanwhile. It has not been tried yet.
    private void FollowAfterDelay(RequestRouting routing)
    {
        _faults.EndWait();
        _try.EndHold();
        _tries--;
        Follow(routing, routing.Router.Find(_exchange.Request.Fields));
    }

    private bool FollowAnother() => Follow(_routing!, _routing!.Router.FindAnother(_direction, _exchange.Request.Fields));

    private async Task ConnectAsync(RequestRouting routing, OutboundRoute route, int connect, ConnectionWait wait)
    {
        try
        {
            ConnectOutcome made = await _servers!.ConnectAsync(routing.Client, route, wait);
            if (IsEnded || _isEnding || _requestPart != RequestPart.Server || connect != _connectId)
            {
                made.GiveUp(route);
                return;
            }

            (_made, _isMade) = (made, true);
            Advance();
        }
        catch (Exception exception)
        {
            Loop.ReportFault(exception);
            Abort(ProxyFailure.ProxyFault);
        }
    }

    // False while there is none.
    private bool TakeServer()
    {
        if (!_isMade) return false;
        ConnectOutcome made = _made;
        (_made, _isMade) = (default, false);
        if (made.Server is { } server) return Forward(_routing!, server);
        _try.End(made.Failure);
        if (TryFail(TryOutcome.Unknown)) return true;
        if (_direction.MayConnectAgain(made.Failure, _tries) && _direction.TrySpendRetry(_observer)) return FollowAnother();
        Refuse(RequestRefusal.Of(made.Failure));
        return false;
    }

    private bool Forward(RequestRouting routing, RoutedServer taken)
    {
        taken.Take(this);
        _try.EndPend();
        (_taken, _server) = (taken, taken.Server);
        _isServersLast = false;
        _sentBefore -= _server.Side.Output.Written;
        _server.Gate.OnChanged(_askAnew);
        return ForwardRequest(_server, routing.ForServer(_exchange.Request.Fields, _direction));
    }

    // Its request is over: others may use it, if it was taken for this one.
    private void ReleaseServer()
    {
        _call?.Abandon();
        if (Detach() is { } taken) taken.Return(isReusable: !_isServersLast && taken.Server.Side.Flush() && !taken.Server.Side.Output.IsBlocked);
    }

    // Nothing more of it is wanted.
    private void DropServer(ProxyFailure failure)
    {
        _call?.Abandon();
        Detach()?.End(failure);
    }

    private RoutedServer? Detach()
    {
        if (_taken is not { } taken) return null;
        _sentBefore += taken.BytesSent;
        (_taken, _server, _hasHedgesHead) = (null, null, false);
        return taken;
    }

    private bool AnswerAsRouted(RequestRouting routing)
    {
        _exchange.IsLast |= !IsHeadOnly || _exchange.Request.IsVersion10;
        HeadForm form = new() { Connection = _exchange.IsLast ? ConnectionOption.Close : ConnectionOption.None };
        HeaderList fields = routing.Answer(_exchange.Request.Fields, _direction, _time.GetUtcNow());
        if (!Http1HeadWriter.TryWriteResponse(fields, form, Loop.Joined, out int length))
        {
            Refuse(RequestRefusal.LongAnswer);
            return false;
        }

        if (!_client.Output.Write(Loop.Joined.AsSpan(0, length)))
        {
            Abort(_client.Output.Failure);
            return false;
        }

        _exchange.IsRequestWhole = true;
        EndExchange(fields.Status, error: null);
        _requestPart = RequestPart.Answer;
        return true;
    }

    // A server may end a connection that has been used before at any time, also while a request is on its way: one that may be repeated is (RFC 9110, section 9.2.2).
    private bool TryResendAfterEnd(Http1Server server) => server.IsUsed && TryResend(isRefused: false);

    private bool TryResend(bool isRefused)
    {
        if (TryFail(isRefused ? TryOutcome.Unknown : TryOutcome.Bad)) return true;
        if (!RequestDirection.MayResend(_tries) || !IsRepeatable || !(isRefused || RequestMethod.IsIdempotent(_exchange.Request.Fields.Method)) || !_direction.TrySpendRetry(_observer)) return false;
        Retry(isRefused ? TryOutcome.Unknown : TryOutcome.Bad);
        return true;
    }

    // The route says for which answers.
    private bool TryAgainFor(int status)
    {
        if (_hedges is { IsRunning: true } && _direction.IsFailure(status) && TryFail(BackendTry.OutcomeOf(status), status)) return true;
        if (!_direction.MayTryAgainFor(status, _tries) || !IsRepeatable || !_direction.TrySpendRetry(_observer)) return false;
        _record?.OnNotTaken(status);
        Retry(BackendTry.OutcomeOf(status));
        return true;
    }

    // Of a body that has gone on nothing is left.
    private bool IsRepeatable => _requestPart is RequestPart.Server or RequestPart.Approval || _exchange is { IsRequestWhole: true, HasResponse: false, InterimCount: 0 } && IsHeadOnly;

    private bool IsHeadOnly => _exchange.Request.HasNoBody;

    private void Retry(TryOutcome outcome)
    {
        _try.EndUnanswered(outcome);
        GiveUpServer(ProxyFailure.None);
        _exchange.BeginAgain();
        _hasNews = true;
        Pause(_direction.Pause(Elapsed));
    }

    // The one that the request has, or is about to have.
    private void GiveUpServer(ProxyFailure failure)
    {
        GiveUpApproval();
        DropServer(failure);
        if (_isMade) _made.Server?.Return(isReusable: true);
        (_made, _isMade) = (default, false);
        _connectId++;
        _wait?.Cancel();
    }

    private void Pause(TimeSpan time)
    {
        _requestPart = RequestPart.Pause;
        Loop.Schedule(_tryTimer, time);
    }

    // Of one try, or of the whole request, whichever is over first.
    private void ScheduleTimer(TimeSpan ran = default)
    {
        Loop.Timers.Cancel(_tryTimer);
        if (_direction.LimitOfTry(Elapsed, out _isLateAsWhole, ran) is { } limit) Loop.Schedule(_tryTimer, limit);
    }

    private void OnTimerFired()
    {
        _hasTimerFired = true;
        Advance();
    }

    private void OnTimer()
    {
        _hasTimerFired = false;
        if (_requestPart == RequestPart.Pause)
        {
            if (_direction.TimeLeft(Elapsed) <= TimeSpan.Zero || _faults.IsTooLong) AnswerLast(RequestRefusal.RequestTimeout);
            else if (_faults.IsWaiting) FollowAfterDelay(_routing!);
            else FollowAnother();
        }
        else if (!_exchange.IsOpen)
        {
            // It was over in the same moment.
        }
        else if (_exchange.HasResponse)
        {
            Abort(ProxyFailure.ConnectTimeout);
        }
        else if (!_isLateAsWhole && TryFail(OutcomeOfLate))
        {
            // What becomes of it is what becomes of its hedges.
        }
        else if (!_isLateAsWhole && _direction.MayTryAgain(_tries) && IsRepeatable && _direction.TrySpendRetry(_observer))
        {
            Retry(OutcomeOfLate);
        }
        else
        {
            _try.EndUnanswered(OutcomeOfLate);
            AnswerLast(_isLateAsWhole ? RequestRefusal.RequestTimeout : RequestRefusal.BackendTimeout);
        }
    }

    private TryOutcome OutcomeOfLate => _direction.OutcomeOfLate(_exchange.IsRequestWhole, _isLateAsWhole, _tries);

    private TimeSpan Elapsed => _time.GetElapsedTime(_exchange.Began);
}

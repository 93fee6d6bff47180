using Culvert.Core;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Http.Hedging;
using Culvert.NodeAgent.Proxy.Http.Mirroring;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Http.Translation;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http;

/// <content>Where requests go whose Service has routes: each to a backend of its own choice.</content>
internal sealed partial class Http2Relay
{
    private readonly RequestRouting? _routing;
    private readonly Http2ServersOfClient? _servers;
    private readonly MirrorsOfClient? _mirrors;
    private readonly Http1Servers? _http1Servers;
    private HedgeServices? _hedgeServices;
    private long _connects; // so that the result of an attempt that was given up is told apart

    /// <inheritdoc/>
    public bool KeepsHeads => _routing is not null;

    /// <summary>A request as its server gets it; valid until the next.</summary>
    internal HeaderList ForServer(Http2Exchange exchange, HeaderList headers) => _routing?.ForServer(headers, exchange.Direction) ?? headers;

    /// <summary>A response as its client gets it; valid until the next.</summary>
    internal HeaderList ForClient(Http2Exchange exchange, HeaderList headers) => _routing?.ForClient(headers, exchange.Direction) ?? headers;

    /// <summary>Whether a request is tried again because of its response's status, as its route says; if so, nothing more is to be done with it.</summary>
    internal bool TryAgainFor(Http2Exchange exchange, int status)
    {
        if (exchange.AreHedgesRunning && exchange.Direction.IsFailure(status) && exchange.TryFail(BackendTry.OutcomeOf(status), status)) return true;
        if (!exchange.Direction.MayTryAgainFor(status, exchange.Tries) || !exchange.IsRepeatable || !exchange.Direction.TrySpendRetry(_observer)) return false;
        exchange.Record?.OnNotTaken(status);
        Retry(exchange, BackendTry.OutcomeOf(status));
        return true;
    }

    /// <summary>Whether a request is tried again whose server has gone before it had answered, or has refused it unseen; if so, nothing more is to be done with it.</summary>
    internal bool TryResendAfterEnd(Http2Exchange exchange, bool isRefused)
    {
        if (exchange.TryFail(isRefused ? TryOutcome.Unknown : TryOutcome.Bad)) return true;
        if (_routing is null || !RequestDirection.MayResend(exchange.Tries) || !exchange.IsRepeatable || _client.IsClosed) return false;
        if ((!isRefused && !RequestMethod.IsIdempotent(exchange.Head!.Method)) || !exchange.Direction.TrySpendRetry(_observer)) return false;
        Retry(exchange, isRefused ? TryOutcome.Unknown : TryOutcome.Bad);
        return true;
    }

    private void Route(Http2Exchange exchange, HeaderList headers)
    {
        if (!exchange.TryKeepHead(headers)) exchange.Abort(Http2ErrorCode.RefusedStream);
        else Follow(exchange, _routing!.Router.Find(exchange.Head!));
    }

    // Their server is gone, or was never reached, and has seen nothing of them: policy is asked anew by the next connection.
    private void RouteWaiting(Http2Server server) => server.GiveUpWaiting(request =>
    {
        if (request is HedgeTry hedge)
        {
            hedge.OnNotConnected(server.LostForWaiting, ProxyFailure.ConnectFailed);
            return;
        }

        Http2Exchange exchange = (Http2Exchange)request;
        exchange.Try.End(server.LostForWaiting);
        RouteAnew(exchange, ProxyFailure.ConnectFailed);
    });

    private void RouteAnew(Http2Exchange exchange, ProxyFailure failure)
    {
        exchange.Try.End(failure);
        if (exchange.TryFail(TryOutcome.Unknown)) return;
        if (exchange.Direction.MayConnectAgain(failure, exchange.Tries) && exchange.Direction.TrySpendRetry(_observer)) FollowAnother(exchange);
        else exchange.Answer(RequestRefusal.Of(failure));
    }

    // What was found for it may have changed meanwhile. It has not been tried yet.
    private void FollowAfterDelay(Http2Exchange exchange)
    {
        exchange.Faults.EndWait();
        exchange.Try.EndHold();
        exchange.Tries--;
        Follow(exchange, _routing!.Router.Find(exchange.Head!));
    }

    private void FollowAnother(Http2Exchange exchange)
    {
        exchange.TakeBack();
        Follow(exchange, _routing!.Router.FindAnother(exchange.Direction, exchange.Head!));
    }

    private void Follow(Http2Exchange exchange, in RequestDirection direction)
    {
        exchange.EndHedges();
        exchange.Direction = direction;
        exchange.IsPaused = false;
        exchange.Tries++;
        if (direction.Refusal is { } refusal)
        {
            exchange.Answer(refusal);
            return;
        }

        if (direction.IsAnswered)
        {
            exchange.AnswerAsRouted(_routing!.Answer(exchange.Head!, direction, _time.GetUtcNow()));
            return;
        }

        if (exchange.Faults.Delay(direction, ElapsedOf(exchange)) is { } delay)
        {
            if (!exchange.Try.TryHold(direction.Route.Requests?.Port))
            {
                exchange.Answer(RequestRefusal.TooMany(direction.Route.Requests!.Port));
                return;
            }

            exchange.IsPaused = true;
            _client.Loop.Schedule(TimerOf(exchange), delay);
            return;
        }

        if (exchange.Faults.Abort(direction) is { } fault)
        {
            exchange.Answer(fault);
            return;
        }

        if (!exchange.Try.TryBegin(direction.Route.Requests, exchange.Tries == 1 ? null : _observer, isWhole: exchange.IsHeadOnly))
        {
            exchange.Answer(RequestRefusal.TooMany(direction.Route.Requests!.Port));
            return;
        }

        if (exchange.Tries == 1) exchange.Client.Copy = _mirrors!.Begin(exchange.Head!, direction, exchange.IsHeadOnly);
        exchange.Record?.OnTry(direction.Route.Target, direction.Hit);
        ScheduleTimer(exchange);
        if (direction.Route.Requests?.Port.Settings.Hedging is { } hedging) exchange.Hedge(hedging);
        if (direction.Version == HttpKind.Http1)
        {
            FollowByHttp1(exchange, direction.Route);
            return;
        }

        // One that is too many has none made.
        if (!_servers!.IsConnectedTo(direction.Route) && !exchange.Try.TryPend()) exchange.Answer(RequestRefusal.TooManyPending(direction.Route.Requests!.Port));
        else _servers.Find(direction.Route).Offer(exchange, exchange.Head!);
    }

    private void FollowByHttp1(Http2Exchange exchange, in OutboundRoute route)
    {
        if (_http1Servers!.TryTake(_routing!.KeyOf(route), route) is { } idle)
        {
            Begin(exchange, idle);
            return;
        }

        if (!exchange.Try.TryPend())
        {
            exchange.Answer(RequestRefusal.TooManyPending(route.Requests!.Port));
            return;
        }

        exchange.Connecting = ++_connects;
        _ = ConnectAsync(exchange, route, exchange.Connecting, exchange.Wait = new ConnectionWait(_client.Loop));
    }

    private async Task ConnectAsync(Http2Exchange exchange, OutboundRoute route, long attempt, ConnectionWait wait)
    {
        bool isMine = false;
        try
        {
            // Where it is refused at once the client's streams are told in their turn.
            await _client.Loop.YieldAsync(new LoopSignal());
            ConnectOutcome made = await _http1Servers!.ConnectAsync(_routing!.Client, route, wait);
            isMine = exchange.Connecting == attempt;
            if (!isMine)
            {
                made.GiveUp(route);
                return;
            }

            exchange.Connecting = 0;
            if (made.Server is { } server) Begin(exchange, server);
            else RouteAnew(exchange, made.Failure);
        }
        catch (Exception exception)
        {
            _client.Loop.ReportFault(exception);
            if ((isMine || exchange.Connecting == attempt) && exchange.IsRunning) exchange.Abort(Http2ErrorCode.InternalError);
        }
    }

    private void Begin(Http2Exchange exchange, RoutedServer server)
    {
        exchange.Try.EndPend();
        Http1Leg leg = exchange.ByHttp1(_options);
        if (leg.Begin(server, ForServer(exchange, exchange.Head!), exchange.IsHeadOnly) is { } refusal) exchange.Answer(refusal);
        else if (!exchange.IsOver) exchange.Open(keepsHead: leg.AsksPolicy || exchange.IsHeadOnly);
    }

    /// <inheritdoc/>
    public void OnNotConnected(Http2Server server, ProxyFailure failure)
    {
        _servers!.Forget(server);
        if (server.TryReplace()) return;
        server.GiveUpWaiting(request =>
        {
            if (request is HedgeTry hedge) hedge.OnNotConnected(failure, failure);
            else RouteAnew((Http2Exchange)request, failure);
        });
    }

    private void Retry(Http2Exchange exchange, TryOutcome outcome)
    {
        exchange.Try.EndUnanswered(outcome);
        exchange.TakeBack();
        exchange.IsPaused = true;
        _client.Loop.Schedule(TimerOf(exchange), exchange.Direction.Pause(ElapsedOf(exchange)));
    }

    /// <summary>Begins the time of one try, or of the whole request, whichever is over first.</summary>
    /// <param name="exchange">The request.</param>
    /// <param name="ran">How long the try runs already.</param>
    internal void ScheduleTimer(Http2Exchange exchange, TimeSpan ran = default)
    {
        if (exchange.Timer is { } timer) _client.Loop.Timers.Cancel(timer);
        if (exchange.Direction.LimitOfTry(ElapsedOf(exchange), out _, ran) is { } limit) _client.Loop.Schedule(TimerOf(exchange), limit);
    }

    /// <summary>What is left is the time of the whole request, while its hedges run alone.</summary>
    internal void ScheduleRest(Http2Exchange exchange)
    {
        if (exchange.Timer is { } timer) _client.Loop.Timers.Cancel(timer);
        if (exchange.Direction.TimeLeft(ElapsedOf(exchange)) is var left && left != TimeSpan.MaxValue) _client.Loop.Schedule(TimerOf(exchange), left);
    }

    /// <summary>All tries of a request have failed, hedges among them.</summary>
    /// <param name="exchange">The request.</param>
    /// <param name="failure">Why the last has.</param>
    internal void OnAllFailed(Http2Exchange exchange, in HedgeFailure failure)
    {
        if (exchange.IsRepeatable && !_client.IsClosed && failure.MayFollow(exchange.Direction, exchange.Tries) && exchange.Direction.TrySpendRetry(_observer)) Retry(exchange, TryOutcome.Unknown);
        else exchange.Answer(failure.Refusal);
    }

    /// <summary>What hedges go by.</summary>
    internal HedgeServices HedgeServices => _hedgeServices ??= new HedgeServices(_client.Loop, _options, _routing!, _http1Servers!, () => _servers!, _observer, _time);

    private TimeSpan ElapsedOf(Http2Exchange exchange) => _time.GetElapsedTime(exchange.Began);

    private LoopTimer TimerOf(Http2Exchange exchange) => exchange.Timer ??= new LoopTimer(state => OnTimer((Http2Exchange)state!), exchange);

    private void OnTimer(Http2Exchange exchange)
    {
        if (exchange.IsOver) return;
        bool isOutOfTime = exchange.Direction.TimeLeft(ElapsedOf(exchange)) <= TimeSpan.Zero || exchange.Faults.IsTooLong;
        TryOutcome outcome = exchange.Direction.OutcomeOfLate(exchange.IsRequestWhole, isOutOfTime, exchange.Tries);
        if (exchange.IsAnswered) exchange.Abort(Http2ErrorCode.Cancel);
        else if (isOutOfTime) AnswerLate(exchange, outcome, RequestRefusal.RequestTimeout);
        else if (exchange.Faults.IsWaiting) FollowAfterDelay(exchange);
        else if (exchange.IsPaused) FollowAnother(exchange);
        else if (exchange.TryFail(outcome)) return;
        else if (exchange.Direction.MayTryAgain(exchange.Tries) && exchange.IsRepeatable && exchange.Direction.TrySpendRetry(_observer)) Retry(exchange, outcome);
        else AnswerLate(exchange, outcome, RequestRefusal.BackendTimeout);
    }

    private static void AnswerLate(Http2Exchange exchange, TryOutcome outcome, RequestRefusal refusal)
    {
        exchange.Try.EndUnanswered(outcome);
        exchange.Answer(refusal);
    }
}

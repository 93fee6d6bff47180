using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http;

/// <content>Where requests go whose Service has routes: each to a backend of its own choice, by one connection to each.</content>
internal sealed partial class Http2Relay
{
    private readonly RequestRouting? _routing;
    private readonly Http2ServersOfClient? _servers;

    /// <summary>Whether the heads of requests without a body are kept until they are answered: these may have to be sent again.</summary>
    internal bool KeepsHeads => _routing is not null;

    /// <summary>A request as its server gets it; valid until the next.</summary>
    internal HeaderList ForServer(Http2Exchange exchange, HeaderList headers) => _routing?.ForServer(headers, exchange.Direction) ?? headers;

    /// <summary>A response as its client gets it; valid until the next.</summary>
    internal HeaderList ForClient(Http2Exchange exchange, HeaderList headers) => _routing?.ForClient(headers, exchange.Direction) ?? headers;

    /// <summary>Whether a request is tried again because of its response's status, as its route says; if so, nothing more is to be done with it.</summary>
    internal bool TryAgainFor(Http2Exchange exchange, int status)
    {
        if (!exchange.Direction.MayTryAgainFor(status, exchange.Tries) || !exchange.IsRepeatable) return false;
        TryAgain(exchange);
        return true;
    }

    /// <summary>Whether a request is tried again whose server has gone before it had answered, or has refused it unseen; if so, nothing more is to be done with it.</summary>
    internal bool TryResendAfterEnd(Http2Exchange exchange, bool isRefused)
    {
        if (_routing is null || !RequestDirection.MayResend(exchange.Tries) || !exchange.IsRepeatable || _client.IsClosed) return false;
        if (!isRefused && !RequestMethod.IsIdempotent(exchange.Head!.Method)) return false;
        TryAgain(exchange);
        return true;
    }

    private void Route(Http2Exchange exchange, HeaderList headers)
    {
        if (!exchange.TryKeepHead(headers)) exchange.Abort(Http2ErrorCode.RefusedStream);
        else Follow(exchange, _routing!.Router.Find(exchange.Head!));
    }

    // Its server is gone, or was never reached, and has seen nothing of it.
    private void RouteAnew(Http2Exchange exchange) => RouteAnew(exchange, ProxyFailure.ConnectFailed);

    private void RouteAnew(Http2Exchange exchange, ProxyFailure failure)
    {
        if (exchange.Direction.MayConnectAgain(failure, exchange.Tries)) FollowAnother(exchange);
        else exchange.Answer(RequestRefusal.Of(failure));
    }

    private void FollowAnother(Http2Exchange exchange)
    {
        exchange.TakeBack();
        Follow(exchange, _routing!.Router.FindAnother(exchange.Direction, exchange.Head!));
    }

    private void Follow(Http2Exchange exchange, in RequestDirection direction)
    {
        exchange.Direction = direction;
        exchange.Tries++;
        if (direction.Refusal is { } refusal)
        {
            exchange.Answer(refusal);
            return;
        }

        if (direction.IsRedirect)
        {
            exchange.AnswerAsRouted(_routing!.ForClient(Redirection.Of(exchange.Head!, direction.Hit!, _routing.Client.Destination.Port, _time.GetUtcNow()), direction));
            return;
        }

        ScheduleTimer(exchange);
        Http2Server server = _servers!.Find(direction.Route);
        if (server.IsConnected && server.RefusalOf(ForServer(exchange, exchange.Head!)) is { } denial) AnswerFor(server, exchange, denial);
        else if (!server.TryTake(exchange, exchange.Head!)) exchange.Abort(Http2ErrorCode.RefusedStream);
    }

    private static void AnswerFor(Http2Server server, Http2Exchange exchange, RequestRefusal refusal)
    {
        exchange.GoTo(server);
        exchange.Answer(refusal);
    }

    /// <summary>A server was not reached that requests wait for.</summary>
    internal void OnNotConnected(Http2Server server, ProxyFailure failure)
    {
        _servers?.Forget(server);
        server.GiveUpWaiting(exchange => RouteAnew(exchange, failure));
    }

    private void TryAgain(Http2Exchange exchange)
    {
        exchange.TakeBack();
        _client.Loop.Schedule(TimerOf(exchange), exchange.Direction.Pause(ElapsedOf(exchange)));
    }

    // Of one try, or of the whole request, whichever is over first.
    private void ScheduleTimer(Http2Exchange exchange)
    {
        if (exchange.Direction.LimitOfTry(ElapsedOf(exchange), out _) is { } limit) _client.Loop.Schedule(TimerOf(exchange), limit);
    }

    private TimeSpan ElapsedOf(Http2Exchange exchange) => _time.GetElapsedTime(exchange.Began);

    private LoopTimer TimerOf(Http2Exchange exchange) => exchange.Timer ??= new LoopTimer(state => OnTimer((Http2Exchange)state!), exchange);

    private void OnTimer(Http2Exchange exchange)
    {
        if (exchange.IsOver) return;
        bool isOutOfTime = exchange.Direction.TimeLeft(ElapsedOf(exchange)) <= TimeSpan.Zero, waitsForNextTry = exchange.Destination is null;
        if (exchange.IsAnswered) exchange.Abort(Http2ErrorCode.Cancel);
        else if (isOutOfTime) exchange.Answer(RequestRefusal.RequestTimeout);
        else if (waitsForNextTry) FollowAnother(exchange);
        else if (exchange.Direction.MayTryAgain(exchange.Tries) && exchange.IsRepeatable) TryAgain(exchange);
        else exchange.Answer(RequestRefusal.BackendTimeout);
    }
}

using Culvert.Core;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http;

/// <content>Where requests go whose Service has routes: each to a backend of its own choice, by one connection to each.</content>
internal sealed partial class Http2Relay
{
    // Without a word of retries in a route: of what no server has had, so often.
    private const int MostConnects = 3;

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
        if (_routing is null || exchange.Direction.Hit?.Rule.Retry is not { } retry || exchange.Tries > retry.Attempts || !retry.Codes.AsSpan().Contains(status) || !exchange.IsRepeatable) return false;
        TryAgain(exchange);
        return true;
    }

    /// <summary>Whether a request is tried again whose server has gone before it had answered, or has refused it unseen; if so, nothing more is to be done with it.</summary>
    internal bool TryResendAfterEnd(Http2Exchange exchange, bool isRefused)
    {
        if (_routing is null || exchange.Tries >= MostConnects || !exchange.IsRepeatable || _client.IsClosed) return false;
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
    private void RouteAnew(Http2Exchange exchange)
    {
        if (HasConnectsLeft(exchange)) FollowAnother(exchange);
        else exchange.Answer(RequestRefusal.Of(ProxyFailure.ConnectFailed));
    }

    private static bool HasConnectsLeft(Http2Exchange exchange) => exchange.Tries < Math.Max(MostConnects, 1 + (exchange.Direction.Hit?.Rule.Retry?.Attempts ?? 0));

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

        ScheduleTimer(exchange, direction.Hit?.Rule);
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
        bool mayBeTried = failure is not (ProxyFailure.PolicyDenied or ProxyFailure.PolicyChanged);
        server.GiveUpWaiting(exchange =>
        {
            if (mayBeTried && HasConnectsLeft(exchange)) FollowAnother(exchange);
            else exchange.Answer(RequestRefusal.Of(failure));
        });
    }

    private void TryAgain(Http2Exchange exchange)
    {
        exchange.TakeBack();
        HttpRouteRule? rule = exchange.Direction.Hit?.Rule;
        TimeSpan backoff = rule?.Retry?.Backoff ?? TimeSpan.Zero, left = rule is null ? TimeSpan.MaxValue : LeftOf(exchange, rule);
        _client.Loop.Schedule(TimerOf(exchange), backoff < left ? backoff : left);
    }

    // Of one try, or of the whole request, whichever is over first.
    private void ScheduleTimer(Http2Exchange exchange, HttpRouteRule? rule)
    {
        if (rule is null || (rule.RequestTimeout is null && rule.BackendTimeout is null)) return;
        TimeSpan left = LeftOf(exchange, rule);
        _client.Loop.Schedule(TimerOf(exchange), rule.BackendTimeout is { } one && one < left ? one : left);
    }

    private TimeSpan LeftOf(Http2Exchange exchange, HttpRouteRule rule) => rule.RequestTimeout is { } whole ? whole - _time.GetElapsedTime(exchange.Began) : TimeSpan.MaxValue;

    private LoopTimer TimerOf(Http2Exchange exchange) => exchange.Timer ??= new LoopTimer(state => OnTimer((Http2Exchange)state!), exchange);

    private void OnTimer(Http2Exchange exchange)
    {
        if (exchange.IsOver) return;
        if (exchange.Direction.Hit?.Rule is not { } rule)
        {
            // Its Service had no routes any more when it came: it waits for its next try, without a limit.
            Follow(exchange, _routing!.Router.FindAnother(exchange.Direction, exchange.Head!));
            return;
        }

        bool isOutOfTime = LeftOf(exchange, rule) <= TimeSpan.Zero, waitsForNextTry = exchange.Destination is null;
        if (exchange.IsAnswered) exchange.Abort(Http2ErrorCode.Cancel);
        else if (isOutOfTime) exchange.Answer(504, ProxyError.ResponseTimeout, "the request took longer than its route allows");
        else if (waitsForNextTry) Follow(exchange, _routing!.Router.FindAnother(exchange.Direction, exchange.Head!));
        else if (rule.Retry is { } retry && exchange.Tries <= retry.Attempts && exchange.IsRepeatable) TryAgain(exchange);
        else exchange.Answer(504, ProxyError.ResponseTimeout, "the server took longer than the route allows");
    }
}

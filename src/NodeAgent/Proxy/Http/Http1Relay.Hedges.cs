using Culvert.Http1;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.Hedging;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Http.Translation;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http;

/// <content>Further backends that have a request, too, while the first has not answered.</content>
internal sealed partial class Http1Relay : IHedgedRequest
{
    private RequestHedges? _hedges; // once a request has had a backend whose requests have them
    private bool _hasHedgesHead; // the head of the response has been read of the server by the hedge that it was

    /// <inheritdoc/>
    bool IHedgedRequest.MayHedge => !IsEnded && !_isEnding && _exchange.IsOpen && _requestPart is RequestPart.Server or RequestPart.Answer && IsRepeatable;

    /// <inheritdoc/>
    bool IHedgedRequest.IsHeldBack => _requestPart == RequestPart.Approval || _call is { Approval.IsDone: false };

    /// <inheritdoc/>
    RequestDirection IHedgedRequest.Direction
    {
        get => _direction;
        set => _direction = value;
    }

    /// <inheritdoc/>
    int IHedgedRequest.Tries
    {
        get => _tries;
        set => _tries = value;
    }

    /// <inheritdoc/>
    HeaderList IHedgedRequest.Fields => _exchange.Request.Fields;

    /// <inheritdoc/>
    IRequestRecord? IHedgedRequest.Record => _record;

    /// <inheritdoc/>
    /// <remarks>A connection has one request at a time.</remarks>
    bool IHedgedRequest.TryHold(int bytes) => true;

    /// <inheritdoc/>
    void IHedgedRequest.Drop(int bytes)
    {
        // It is not counted.
    }

    /// <summary>Finds hedges that go by a connection.</summary>
    internal void AddHedgesOn(Http2Server server, List<IHttp2Request> into) => _hedges?.AddRequestsOf(server, into);

    private void BeginHedges()
    {
        if (_direction.Route.Requests?.Port.Settings.Hedging is not { } settings || !RequestHedges.AreFor(_exchange.Request.Fields.Method, IsHeadOnly) || !UpgradeOf(_exchange.Request).IsEmpty) return;
        _hedges ??= new RequestHedges(this, new HedgeServices(Loop, _options, _routing!, _servers!, () => MakeCall().Servers, _observer, _time));
        _hedges.Begin(settings);
    }

    // The try that runs has failed. Where hedges run the request waits for them, and its server has nothing more to do with it; false when none does.
    private bool TryFail(TryOutcome outcome, int status = 0)
    {
        if (_hedges?.TryFail() != true) return false;
        _record?.OnTryFailed(status);
        _try.EndUnanswered(outcome);
        TakeBack();
        Loop.Timers.Cancel(_tryTimer);
        _isLateAsWhole = true;
        if (_direction.TimeLeft(Elapsed) is var left && left != TimeSpan.MaxValue) Loop.Schedule(_tryTimer, left);
        return true;
    }

    // Its server sees that nothing more is wanted of it; the request is whole, and has none.
    private void TakeBack()
    {
        GiveUpServer(ProxyFailure.ApplicationReset);
        _cached?.Forget();
        (_requestPart, _exchange.IsRequestWhole, _isServersLast, _hasNews) = (RequestPart.Answer, true, false, true);
    }

    /// <inheritdoc/>
    void IHedgedRequest.OnHedgeWon(HedgeTry hedge, HeaderList headers, bool endStream)
    {
        _try.End(TryOutcome.Unknown); // that it is slower says nothing that its time does not
        TakeBack();
        (_direction, _try) = (hedge.Direction, hedge.TakeTry());
        ScheduleTimer(hedge.Ran);
        if (hedge.Connection is { } connection)
        {
            TakeOver(connection);
        }
        else
        {
            Http2Call call = MakeCall();
            call.Adopt(hedge);
            call.OnResponse(headers, isFinal: true, endStream);
        }
    }

    /// <inheritdoc/>
    void IHedgedRequest.OnAllFailed(in HedgeFailure failure)
    {
        if (IsRepeatable && failure.MayFollow(_direction, _tries) && _direction.TrySpendRetry(_observer)) Retry(TryOutcome.Unknown);
        else AnswerLast(failure.Refusal);
        AdvanceSoon();
    }

    private void TakeOver(Http1Leg connection)
    {
        Http1Head response = _exchange.Response;
        _taken = connection.HandOver(this, ref response);
        (_exchange.Response, _server, _hasHedgesHead) = (response, _taken.Server, true);
        _sentBefore -= _server.Side.Output.Written;
        _server.Gate.OnChanged(_askAnew);
        _sent = _routing!.ForServer(_exchange.Request.Fields, _direction);
        AdvanceSoon();
    }
}

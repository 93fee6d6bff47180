using Culvert.Core;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.Hedging;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Http.Translation;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http;

/// <content>Further backends that have the request, too, while the first has not answered.</content>
internal sealed partial class Http2Exchange : IHedgedRequest
{
    private RequestHedges? _hedges; // once a request has had a backend whose requests have them

    /// <inheritdoc/>
    bool IHedgedRequest.MayHedge => IsRepeatable && !IsPaused;

    /// <inheritdoc/>
    bool IHedgedRequest.IsHeldBack => Approval is { IsDone: false } || Server is Http1Leg { IsAsking: true };

    /// <inheritdoc/>
    RequestDirection IHedgedRequest.Direction
    {
        get => Direction;
        set => Direction = value;
    }

    /// <inheritdoc/>
    int IHedgedRequest.Tries
    {
        get => Tries;
        set => Tries = value;
    }

    /// <inheritdoc/>
    HeaderList IHedgedRequest.Fields => _head!;

    /// <inheritdoc/>
    IRequestRecord? IHedgedRequest.Record => Record;

    /// <inheritdoc/>
    bool IHedgedRequest.TryHold(int bytes) => _relay.Room.TryHold(bytes);

    /// <inheritdoc/>
    void IHedgedRequest.Drop(int bytes) => _relay.Room.Drop(bytes);

    /// <summary>Whether further backends have it just now.</summary>
    internal bool AreHedgesRunning => _hedges is { IsRunning: true };

    /// <summary>A try of it has begun: further backends may have it after a time.</summary>
    /// <param name="settings">After which.</param>
    internal void Hedge(RequestHedging settings)
    {
        if (RequestHedges.AreFor(_head!.Method, IsHeadOnly)) (_hedges ??= new RequestHedges(this, _relay.HedgeServices)).Begin(settings);
    }

    /// <summary>No further backend is to have it. Without effect where none has.</summary>
    internal void EndHedges() => _hedges?.End();

    /// <summary>Finds its hedges that go by a connection.</summary>
    internal void AddHedgesOn(Http2Server server, List<IHttp2Request> into) => _hedges?.AddRequestsOf(server, into);

    /// <summary>The try that runs has failed. Where hedges run the request waits for them; its server has nothing more to do with it then.</summary>
    /// <param name="outcome">What the failure says of the backend.</param>
    /// <param name="status">The status of its answer; 0: there was none.</param>
    /// <returns>False when none runs: nothing has been done.</returns>
    internal bool TryFail(TryOutcome outcome, int status = 0)
    {
        if (_hedges?.TryFail() != true) return false;
        Record?.OnTryFailed(status);
        _try.EndUnanswered(outcome);
        TakeBack();
        _relay.ScheduleRest(this);
        return true;
    }

    /// <inheritdoc/>
    void IHedgedRequest.OnHedgeWon(HedgeTry hedge, HeaderList headers, bool endStream)
    {
        _try.End(TryOutcome.Unknown); // that it is slower says nothing that its time does not
        TakeBack();
        (Direction, Destination, _try) = (hedge.Direction, hedge.Destination, hedge.TakeTry());
        if (hedge.Connection is { } connection)
        {
            connection.HandTo(this);
            Server = _serverConnection = connection;
        }
        else
        {
            Http2Leg stream = hedge.Stream!;
            stream.HandTo(this);
            Server = _serverStream = stream;
        }

        Client.HeadersPassed(withEnd: true);
        _relay.ScheduleTimer(this, hedge.Ran);
        OnResponse(headers, isFinal: true, endStream);
    }

    /// <inheritdoc/>
    void IHedgedRequest.OnAllFailed(in HedgeFailure failure) => _relay.OnAllFailed(this, failure);
}

using Culvert.Core;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Http.Translation;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Hedging;

/// <summary>
/// One hedge: a request that another backend has already, on its way to a further one, by whatever version of HTTP. When the head of its response has come and is the client's, the request takes its leg over; until then it is nobody's
/// but its own. Belongs to its loop's thread.
/// </summary>
internal sealed partial class HedgeTry
{
    private readonly RequestHedges _owner;
    private readonly HeaderList _head = new();
    private BackendTry _try;
    private RoutedServer? _idle; // what it goes by, before it begins
    private Http2Server? _free;
    private LoopTimer? _limit;
    private IRequestRecord? _record;
    private long _began;
    private int _number; // as the record knows it
    private int _held;

    /// <summary>Makes one, which has not begun.</summary>
    internal HedgeTry(RequestHedges owner, in RequestDirection direction)
    {
        (_owner, Direction) = (owner, direction);
        WaitingEntry = new LinkedListNode<IHttp2Request>(this);
    }

    /// <summary>Where it goes.</summary>
    internal RequestDirection Direction { get; }

    /// <summary>Where it goes by HTTP/2; null before that is known, when it is over, and by HTTP/1.1.</summary>
    internal Http2Server? Destination { get; private set; }

    /// <summary>What it goes by as a stream of HTTP/2.</summary>
    internal Http2Leg? Stream { get; private set; }

    /// <summary>What it goes by in HTTP/1.1.</summary>
    internal Http1Leg? Connection { get; private set; }

    /// <summary>How long it has run.</summary>
    internal TimeSpan Ran => Services.Time.GetElapsedTime(_began);

    /// <summary>The request's head as it came, also when it is over.</summary>
    internal HeaderList Kept => _head;

    private HedgeServices Services => _owner.Services;

    private ServerKey Key => Services.Routing.KeyOf(Direction.Route);

    /// <summary>Takes a place among the backend's requests and, if it needs one, among those that wait for a connection, and room for the head.</summary>
    /// <param name="fields">The request's head as it came.</param>
    /// <returns>False when there is none, or it would have to wait for others: then it has none at all.</returns>
    internal bool TryTakePlace(HeaderList fields)
    {
        int bytes = HeadRoom.BytesOf(fields);
        if (!_owner.Request.TryHold(bytes)) return false;
        _held = bytes;
        bool isConnected, isFree;
        if (Direction.Version == HttpKind.Http2)
        {
            Http2ServersOfClient servers = Services.Http2();
            isConnected = servers.IsConnectedTo(Direction.Route);
            _free = servers.FindFree(Direction.Route);
            isFree = _free is not null;
        }
        else
        {
            _idle = Services.Http1.TryTake(Key, Direction.Route);
            isConnected = _idle is not null;
            isFree = isConnected || Direction.Route.Requests?.Port.ConnectionLimit.HasRoom != false;
        }

        if (isFree && _try.TryBeginBeside(Direction.Route.Requests) && (isConnected || _try.TryPend())) return true;
        LeavePlace();
        return false;
    }

    /// <summary>Gives it back: it does not begin.</summary>
    internal void LeavePlace()
    {
        _try.End(TryOutcome.Unknown);
        Drop();
        _idle?.Return(isReusable: true);
        _idle = null;
    }

    /// <summary>Sends it on its way; it may have failed when this returns.</summary>
    /// <param name="fields">The request's head as it came, which is copied.</param>
    internal void Begin(HeaderList fields)
    {
        IsRunning = true;
        HeadTranslation.ToStream(fields, expectsContinue: false, _head);
        _head.Remove("expect"u8);
        _began = Services.Time.GetTimestamp();
        _record = _owner.Request.Record;
        _number = _record?.OnHedge(Direction.Route.Target) ?? 0;
        if (Direction.Hit?.Rule.BackendTimeout is { } limit) Services.Loop.Schedule(_limit = new LoopTimer(static state => ((HedgeTry)state!).OnLate(), this), limit);
        try
        {
            if (_free is { } server) server.Offer(this, _head);
            else if (_idle is { } idle) Begin(idle);
            else _ = ConnectAsync(Direction.Route);
        }
        catch (Exception exception)
        {
            OnFault(exception);
        }
    }

    /// <summary>It is ended, as nobody waits for it any more. That says nothing of its backend.</summary>
    internal void Lose()
    {
        _record?.OnHedgeLost(_number);
        Stop(TryOutcome.Unknown);
        Services.Observer.OnHedged(HedgeOutcome.Lost);
    }

    /// <summary>It has failed.</summary>
    /// <param name="outcome">What that says of its backend.</param>
    /// <param name="status">The status of its answer; 0: there was none.</param>
    /// <param name="failure">Why; without a meaning where there was one.</param>
    /// <param name="told">What is told of it.</param>
    internal void Fail(TryOutcome outcome, int status, in HedgeFailure failure, HedgeOutcome told = HedgeOutcome.Failed)
    {
        if (!IsRunning) return;
        _record?.OnHedgeFailed(_number, status);
        Stop(outcome);
        Services.Observer.OnHedged(told);
        _owner.OnFailed(this, failure);
    }

    /// <summary>Its answer is the request's: whoever has that takes its leg, and what is counted of it.</summary>
    /// <param name="isFailure">Whether the answer is one for which the route has requests sent again.</param>
    internal void Win(bool isFailure)
    {
        _record?.OnHedgeWon(_number);
        Services.Observer.OnHedged(isFailure ? HedgeOutcome.Failed : HedgeOutcome.Won);
        IsRunning = false;
        Drop();
        if (_limit is not null) Services.Loop.Timers.Cancel(_limit);
    }

    /// <summary>What is counted of it, to be ended by whoever has it from now on.</summary>
    internal BackendTry TakeTry()
    {
        BackendTry taken = _try;
        _try = default;
        return taken;
    }

    /// <summary>No server was reached, or the one that it has waited for is gone.</summary>
    /// <param name="failure">Why, as its backend counts it.</param>
    /// <param name="told">Why, as a client is told.</param>
    internal void OnNotConnected(ProxyFailure failure, ProxyFailure told)
    {
        HedgeOutcome outcome = failure is ProxyFailure.Overload or ProxyFailure.OverShare ? HedgeOutcome.NoRoom : HedgeOutcome.Failed;
        Fail(BackendTry.OutcomeOf(failure), status: 0, new HedgeFailure(RequestRefusal.Of(told), told is not (ProxyFailure.PolicyDenied or ProxyFailure.PolicyChanged)), outcome);
    }

    private void OnLate() => Fail(Direction.OutcomeOfLate(isRequestWhole: Stream is { IsOpen: true } || Connection is { IsOpen: true, IsAsking: false }, isLateAsWhole: false, _owner.Request.Tries), status: 0, new HedgeFailure(RequestRefusal.BackendTimeout, MayResend: false));

    private async Task ConnectAsync(OutboundRoute route)
    {
        try
        {
            // Where it is refused at once that is told in its turn.
            await Services.Loop.YieldAsync(new LoopSignal());
            if (!IsRunning) return;
            ConnectOutcome made = await Services.Http1.ConnectAsync(Services.Routing.Client, route, wait: null, mayEndIdle: false);
            if (!IsRunning) made.GiveUp(route);
            else if (made.Server is { } server) Begin(server);
            else OnNotConnected(made.Failure, made.Failure);
        }
        catch (Exception exception)
        {
            OnFault(exception);
        }
    }

    private void OnFault(Exception exception)
    {
        Services.Loop.ReportFault(exception);
        Fail(TryOutcome.Unknown, status: 0, new HedgeFailure(RequestRefusal.Of(ProxyFailure.ProxyFault), MayResend: false));
    }

    private void Begin(RoutedServer server)
    {
        _idle = null;
        _try.EndPend();
        Connection = new Http1Leg(this, Services.Options, Services.Loop);
        if (Connection.Begin(server, ForServer(_head), isHeadOnly: true) is { } refusal) Answer(refusal);
        else Connection.End(null);
    }

    private void Drop()
    {
        _owner.Request.Drop(_held);
        _held = 0;
    }

    private void Stop(TryOutcome outcome)
    {
        IsRunning = false;
        Drop();
        if (_limit is not null) Services.Loop.Timers.Cancel(_limit);
        _try.End(outcome);
        Http2Server? destination = Destination;
        Destination = null;
        destination?.Leave(this);
        Stream?.Abandon();
        Connection?.Abandon();
        destination?.ServeWaiting(); // by its stream another may go
    }
}

using Culvert.Core;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Hedging;

/// <summary>
/// The hedges of one request: further tries at other backends while the first has no answer. Whichever is answered first, and not with what the route has requests sent again for, is the client's, and the others are ended. Used for
/// one request after the other; belongs to its loop's thread.
/// </summary>
internal sealed class RequestHedges
{
    private readonly IHedgedRequest _request;
    private readonly HedgeServices _services;
    private readonly LoopTimer _next;
    private readonly List<HedgeTry> _running = [];
    private RequestHedging? _settings; // null: none may begin
    private bool _hasTryFailed;

    /// <summary>Makes it.</summary>
    /// <param name="request">Whose hedges.</param>
    /// <param name="services">What they go by.</param>
    internal RequestHedges(IHedgedRequest request, HedgeServices services)
    {
        (_request, _services) = (request, services);
        _next = new LoopTimer(static state => ((RequestHedges)state!).OnDelay(), this);
    }

    /// <summary>What they go by.</summary>
    internal HedgeServices Services => _services;

    /// <summary>The request.</summary>
    internal IHedgedRequest Request => _request;

    /// <summary>Whether a request may have hedges, whatever its backend: it only asks, and all of it is its head.</summary>
    /// <param name="method">Its method.</param>
    /// <param name="isHeadOnly">Whether there is no body.</param>
    internal static bool AreFor(ReadOnlySpan<byte> method, bool isHeadOnly) => isHeadOnly && RequestMethod.IsSafe(method);

    /// <summary>A try of the request has begun that is no hedge; none runs beside it yet.</summary>
    /// <param name="settings">When hedges follow.</param>
    internal void Begin(RequestHedging settings)
    {
        (_settings, _hasTryFailed) = (settings, false);
        if (_request.Tries < settings.MaxTries) _services.Loop.Schedule(_next, settings.Delay);
    }

    /// <summary>Nobody waits for hedges any more: those that run are ended, and none follows. Without effect when there is none.</summary>
    internal void End()
    {
        _settings = null;
        _services.Loop.Timers.Cancel(_next);
        while (_running.Count > 0)
        {
            HedgeTry last = _running[^1];
            _running.RemoveAt(_running.Count - 1);
            last.Lose();
        }
    }

    /// <summary>The try that is no hedge has failed.</summary>
    /// <returns>False when no hedge runs: what becomes of the request is its own matter. True when it is what becomes of the hedges.</returns>
    internal bool TryFail()
    {
        if (_running.Count == 0) return false;
        _hasTryFailed = true;
        return true;
    }

    /// <summary>Whether any runs.</summary>
    internal bool IsRunning => _running.Count > 0;

    /// <summary>Finds those that go by a connection of HTTP/2, or wait for it.</summary>
    /// <param name="server">The connection.</param>
    /// <param name="into">Where to.</param>
    internal void AddRequestsOf(Http2Server server, List<IHttp2Request> into)
    {
        foreach (HedgeTry hedge in _running)
        {
            if (hedge.Destination == server) into.Add(hedge);
        }
    }

    /// <summary>A hedge has been answered.</summary>
    internal void OnAnswered(HedgeTry hedge, HeaderList headers, bool endStream)
    {
        bool isFailure = hedge.Direction.IsFailure(headers.Status), isAlone = _hasTryFailed && _running.Count == 1;
        if (isFailure && !isAlone)
        {
            hedge.Fail(BackendTry.OutcomeOf(headers.Status), headers.Status, failure: default); // others run
            return;
        }

        _running.Remove(hedge);
        End();
        hedge.Win(isFailure);
        _request.OnHedgeWon(hedge, headers, endStream);
    }

    /// <summary>A hedge has failed.</summary>
    /// <param name="hedge">The hedge.</param>
    /// <param name="failure">Why.</param>
    internal void OnFailed(HedgeTry hedge, in HedgeFailure failure)
    {
        _running.Remove(hedge);
        if (_running.Count > 0 || !_hasTryFailed) return;
        End();
        _request.OnAllFailed(failure);
    }

    private void OnDelay()
    {
        if (_settings is not { } settings || _request.Tries >= settings.MaxTries) return;
        if (!_request.IsHeldBack && (!_request.MayHedge || !TryHedge())) return;
        if (_settings is not null && _request.Tries < settings.MaxTries) _services.Loop.Schedule(_next, settings.Delay);
    }

    private bool TryHedge()
    {
        RequestDirection first = _request.Direction;
        TriedBackends tried = first.Tried ?? new TriedBackends();
        if (!tried.Contains(first.Route.Target)) tried.With(first.Route.Target);
        if (_services.Routing.Router.FindBeside(first, _request.Fields, tried) is not { } direction) return Give(HedgeOutcome.NoBackend);
        HedgeTry hedge = new(this, direction);
        if (!hedge.TryTakePlace(_request.Fields)) return Give(HedgeOutcome.NoRoom);
        if (direction.Route.Requests?.Port.TryRepeat() == false)
        {
            hedge.LeavePlace();
            return Give(HedgeOutcome.NoBudget);
        }

        tried.With(direction.Route.Target);
        _request.Direction = first with { Tried = tried };
        _request.Tries++;
        _running.Add(hedge);
        hedge.Begin(_request.Fields);
        return true;
    }

    private bool Give(HedgeOutcome outcome)
    {
        _services.Observer.OnHedged(outcome);
        return false;
    }
}

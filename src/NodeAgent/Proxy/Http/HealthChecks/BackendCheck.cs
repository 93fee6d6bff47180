using Culvert.Core;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.HealthChecks;

/// <summary>Asks one backend again and again whether it is well. Belongs to its loop's thread.</summary>
internal sealed class BackendCheck
{
    // Checks that began together are not to stay together.
    private const double Jitter = 0.1;

    // So often in a row, at least, it could not be asked before nothing is known of its health any more.
    private const int MostNotAsked = 3;

    private readonly HealthChecker _checker;
    private readonly PortChecks _port;
    private readonly BackendRequests _backend;
    private readonly LoopTimer _due;
    private HealthCheckResult _last = HealthCheckResult.NotAsked;
    private int _inARow;
    private int _notAsked; // in a row
    private bool _hasPlace;
    private bool _isLate; // without an answer in time
    private bool _isWaiting; // for a place, or its answer
    private bool _isRunning; // until nothing of it is left
    private bool _isOver;

    /// <summary>Begins: the first is within the time between two.</summary>
    /// <param name="checker">Where it runs.</param>
    /// <param name="port">The port that it is for.</param>
    /// <param name="backend">The backend.</param>
    internal BackendCheck(HealthChecker checker, PortChecks port, BackendRequests backend)
    {
        (_checker, _port, _backend) = (checker, port, backend);
        _due = new LoopTimer(static state => ((BackendCheck)state!).OnDue(), this);

        // One that was left out when it was asked last may be well for long.
        TimeSpan within = backend.IsUnhealthy && port.Check.Interval > HealthCheck.ShortestInterval ? HealthCheck.ShortestInterval : port.Check.Interval;
        checker.Loop.Schedule(_due, within * Random.Shared.NextDouble());
    }

    /// <summary>That of the Service whose backend it is.</summary>
    internal string Namespace => _port.Port.Service.Namespace;

    /// <summary>Ends it; what is under way says nothing any more.</summary>
    internal void End()
    {
        _isOver = true;
        _checker.Loop.Timers.Cancel(_due);
    }

    /// <summary>The time between two is shorter now.</summary>
    internal void Hasten() => _checker.Loop.Schedule(_due, _port.Check.Interval * Random.Shared.NextDouble());

    /// <summary>Asks; its place is taken, and is given back when it has answered or is late.</summary>
    internal async Task AskAsync()
    {
        (_isRunning, _hasPlace, _isLate) = (true, true, false);
        try
        {
            if (!_isOver && _checker.FindWay(_port, _backend) is { } way) await AskAsync(_port.Check, way.Client, way.Route);
            else OnAnswered(HealthAnswer.NotAsked);
        }
        catch (Exception exception)
        {
            _checker.Loop.ReportFault(exception);
        }

        (_isWaiting, _isRunning) = (false, false);
        LeavePlace();
        _checker.OnGone(this);
    }

    private void LeavePlace()
    {
        if (!_hasPlace) return;
        _hasPlace = false;
        _checker.LeavePlace(this);
    }

    private void OnDue()
    {
        _checker.Loop.Schedule(_due, _port.Check.Interval * (1 + (Jitter * Random.Shared.NextDouble())));
        if (_isWaiting) return;
        if (_isRunning)
        {
            if (_isLate) OnAnswered(HealthAnswer.Failed(HealthAnswer.NotReached)); // it is still being connected to; otherwise its connection is being ended
            return;
        }

        _isWaiting = true;
        _checker.Ask(this);
    }

    private async ValueTask AskAsync(HealthCheck check, ProxyConnectionInfo client, OutboundRoute route)
    {
        if (check.Kind == HealthCheckKind.Tcp) await ConnectAsync(check, client, route);
        else await new HealthCall(_checker, check, client, route, _backend.Port.Service, OnAnswered).AskAsync();
    }

    private async ValueTask ConnectAsync(HealthCheck check, ProxyConnectionInfo client, OutboundRoute route)
    {
        bool isLate = false;
        LoopTimer deadline = new(
            _ =>
            {
                isLate = true;
                OnAnswered(HealthAnswer.Failed(HealthAnswer.TooSlow));
            },
            null);
        _checker.Loop.Schedule(deadline, check.Timeout);
        ConnectOutcome made;
        try
        {
            made = await _checker.Servers.ConnectAsync(client, route, wait: null, mayEndIdle: false);
        }
        finally
        {
            _checker.Loop.Timers.Cancel(deadline);
        }

        made.Server?.Return(isReusable: false);
        if (!isLate) OnAnswered(made.Server is null ? HealthAnswer.Of(made.Failure) : HealthAnswer.Passed);
    }

    private void OnAnswered(HealthAnswer answer)
    {
        _isWaiting = false;
        _isLate |= answer.Reason == HealthAnswer.TooSlow;
        LeavePlace();
        if (_isOver) return;
        _checker.Observer.OnHealthChecked(_backend.Port.Service, answer.Result);
        _notAsked = answer.Result == HealthCheckResult.NotAsked ? _notAsked + 1 : 0;
        if (answer.Result == HealthCheckResult.NotAsked)
        {
            _port.Port.WantOtherUser();

            // What was found out long ago must not keep it out for ever.
            if (_backend.IsUnhealthy && _notAsked >= Math.Max(MostNotAsked, _port.Check.HealthyThreshold)) BeHealthy();
            return;
        }

        (_inARow, _last) = (answer.Result == _last ? _inARow + 1 : 1, answer.Result);
        if (answer.Result == HealthCheckResult.Failed) OnFailed(answer.Reason);
        else if (_backend.IsUnhealthy && _inARow >= _port.Check.HealthyThreshold) BeHealthy();
    }

    private void BeHealthy()
    {
        _inARow = 0;
        _backend.ReportHealthy();
        _checker.Observer.OnHealthyAgain(_backend);
    }

    // One that could not be left out, since too many were, is when there is room.
    private void OnFailed(string reason)
    {
        bool wasUnhealthy = _backend.IsUnhealthy;
        if (!wasUnhealthy && _inARow < _port.Check.UnhealthyThreshold) return;
        bool isLeftOut = _backend.ReportUnhealthy();
        if (!wasUnhealthy) _checker.Observer.OnUnhealthy(_backend, reason, isLeftOut);
    }
}

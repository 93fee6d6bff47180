using Culvert.Core;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.HealthChecks;

/// <summary>Asks the backends of one Service port whether they are well, while workloads of this node use it. Belongs to its loop's thread.</summary>
internal sealed class PortChecks
{
    private readonly HealthChecker _checker;
    private readonly LoopTimer _look;
    private Dictionary<BackendRequests, BackendCheck> _checks = [];
    private BackendRequests[]? _known;

    /// <summary>Makes it.</summary>
    /// <param name="checker">Where it runs.</param>
    /// <param name="port">The port.</param>
    /// <param name="check">What its backends are asked.</param>
    internal PortChecks(HealthChecker checker, PortRequests port, HealthCheck check)
    {
        (_checker, Port, Check) = (checker, port, check);
        _look = new LoopTimer(static state => ((PortChecks)state!).Look(), this);
    }

    /// <summary>The port.</summary>
    internal PortRequests Port { get; }

    /// <summary>What its backends are asked.</summary>
    internal HealthCheck Check { get; private set; }

    /// <summary>Begins.</summary>
    internal void Begin() => Look();

    /// <summary>Ends it.</summary>
    internal void End()
    {
        _checker.Loop.Timers.Cancel(_look);
        foreach (BackendCheck check in _checks.Values) check.End();
        _checks = [];
    }

    private void Look()
    {
        bool isInUse = Port.LastUse is { } use && Port.Now - use.At < (long)_checker.Options.HealthChecks.UseTime.TotalMilliseconds;
        if (Port.Settings.HealthCheck is not { } check)
        {
            // If they are asked again some day, they are well until told otherwise.
            foreach (BackendRequests backend in Port.Backends) backend.ReportHealthy();
            _checker.Forget(this);
        }
        else if (!isInUse)
        {
            _checker.Forget(this); // what was found out holds until they are asked again
        }
        else
        {
            bool isSooner = check.Interval < Check.Interval;
            Check = check;
            if (isSooner) foreach (BackendCheck one in _checks.Values) one.Hasten();
            Follow(Port.Backends);
            _checker.Loop.Schedule(_look, _checker.Options.HealthChecks.LookTime);
        }
    }

    // Others' checks go on when one comes or goes.
    private void Follow(BackendRequests[] backends)
    {
        if (ReferenceEquals(backends, _known)) return;
        _known = backends;
        Dictionary<BackendRequests, BackendCheck> checks = [];
        foreach (BackendRequests backend in backends) checks[backend] = _checks.Remove(backend, out BackendCheck? running) ? running : new BackendCheck(_checker, this, backend);
        foreach ((BackendRequests backend, BackendCheck gone) in _checks)
        {
            gone.End();
            backend.ReportHealthy(); // one that comes at its address is another
        }

        _checks = checks;
    }
}

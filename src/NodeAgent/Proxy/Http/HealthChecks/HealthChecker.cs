using System.Net;
using System.Net.Sockets;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.HealthChecks;

/// <summary>
/// Asks backends whether they are well (<see cref="HealthCheck"/>), each port's on one loop of the node: in the name of the workload that has used the port last, so that it goes the way that its requests go, by connections of its own,
/// which count among none that requests may have. Belongs to its loop's thread.
/// </summary>
internal sealed class HealthChecker
{
    private readonly IProxyDirectory _directory;
    private readonly RequestDialer _dialer;
    private readonly IPodSpaces _spaces;
    private readonly TimeProvider _time;
    private readonly Dictionary<PortRequests, PortChecks> _ports = [];
    private readonly CheckTurns _turns;
    private bool _isServing;
    private bool _isOver;

    /// <summary>Makes one.</summary>
    /// <param name="loop">The loop.</param>
    /// <param name="options">Limits.</param>
    /// <param name="loops">How many loops share the places.</param>
    /// <param name="directory">Addresses.</param>
    /// <param name="dialer">Makes connections.</param>
    /// <param name="spaces">Which workloads are captured inside their namespaces.</param>
    /// <param name="observer">Hears what has come of it.</param>
    /// <param name="time">The clock.</param>
    internal HealthChecker(EventLoop loop, HttpOptions options, int loops, IProxyDirectory directory, RequestDialer dialer, IPodSpaces spaces, IProxyObserver observer, TimeProvider time)
    {
        (Loop, Options, _directory, _dialer, _spaces, Observer, _time) = (loop, options, directory, dialer, spaces, observer, time);
        _turns = new CheckTurns(Math.Max(1, options.HealthChecks.MaxRunning / loops));
        Servers = new Http1Servers(dialer, options with { MostIdleServers = 0 }, observer);
    }

    internal EventLoop Loop { get; }

    internal HttpOptions Options { get; }

    /// <summary>Makes connections to servers of HTTP/1.1, one for each question.</summary>
    internal Http1Servers Servers { get; }

    internal IProxyObserver Observer { get; }

    /// <summary>A port is used whose backends are to be asked.</summary>
    internal void Begin(PortRequests port)
    {
        if (_isOver || _ports.ContainsKey(port)) return;
        if (port.Settings.HealthCheck is not { } check)
        {
            port.OnUnchecked();
            return;
        }

        PortChecks checks = new(this, port, check);
        _ports.Add(port, checks);
        checks.Begin();
    }

    /// <summary>Ends all; no more begin.</summary>
    internal void End()
    {
        _isOver = true;
        foreach (PortChecks checks in _ports.Values) checks.End();
        _ports.Clear();
        _turns.Clear();
    }

    /// <summary>A port's backends are not asked any more, until it is used again.</summary>
    internal void Forget(PortChecks checks)
    {
        checks.End();
        _ports.Remove(checks.Port);
        checks.Port.OnUnchecked();
    }

    /// <summary>Has a backend asked, now or when there is a place.</summary>
    internal void Ask(BackendCheck check)
    {
        _turns.Add(check);
        Serve();
    }

    /// <summary>A backend has answered, or has not in time: its place is the next one's.</summary>
    internal void LeavePlace(BackendCheck check)
    {
        _turns.LeavePlace(check);
        Serve();
    }

    /// <summary>Nothing is left of a question: no connection that was not made in time is on its way any more.</summary>
    internal void OnGone(BackendCheck check)
    {
        _turns.OnGone(check);
        Serve();
    }

    /// <summary>The way to a backend, and in whose name it is asked; null: in nobody's, or it is no backend any more.</summary>
    internal (ProxyConnectionInfo Client, OutboundRoute Route)? FindWay(PortChecks port, BackendRequests backend)
    {
        // The last that has used it may have gone; the next that does is asked for.
        if (port.Port.LastUse is not { } use || _directory.FindLocalWorkload(use.Address) is not { } workload || workload.Uid != use.Workload.Uid) return null;
        if (AddressFor(backend, use, workload) is not { } address || _directory.ResolveCheck(workload, backend) is not { Kind: not OutboundRouteKind.Deny } route) return null;
        ProxyConnectionInfo client = new()
        {
            Direction = ProxyDirection.Outbound,
            Source = address,
            SourceWorkload = workload,
            SourceIdentity = workload.Identity,
            SourceSpace = _spaces.Find(workload),
            Destination = route.Target,
        };
        return (client, route);
    }

    /// <summary>Makes connections of HTTP/2.</summary>
    internal Http2ServersOfClient MakeHttp2Servers(IHttp2ServerUser user, in ProxyConnectionInfo client) => new(user, client, _dialer, Observer, Loop, Options, _time);

    // Not within itself: what asks nobody leaves its place at once.
    private void Serve()
    {
        if (_isServing) return;
        _isServing = true;
        while (_turns.TryTakePlace(out BackendCheck? next)) _ = next.AskAsync();

        _isServing = false;
    }

    private static SocketEndPoint? AddressFor(BackendRequests backend, PortUse use, WorkloadInfo workload)
    {
        if (use.Address.IsIPv4 == backend.Address.IsIPv4) return use.Address;
        foreach (IPAddress address in workload.Addresses)
        {
            if ((address.AddressFamily == AddressFamily.InterNetwork) == backend.Address.IsIPv4) return new SocketEndPoint(address, 0);
        }

        return null;
    }
}

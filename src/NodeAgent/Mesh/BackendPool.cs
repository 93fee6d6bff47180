using System.Runtime.CompilerServices;
using Culvert.Core;
using Culvert.Interop.Abi;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Mesh;

/// <summary>The backends of one Service port and how one is chosen. Thread-safe.</summary>
/// <param name="service">The Service.</param>
/// <param name="port">The port.</param>
/// <param name="backends">Backends with a weight above 0, in a fixed order.</param>
/// <param name="random">Thread-safe, as <see cref="Random.Shared"/> is.</param>
/// <param name="previous">The pool of the snapshot before: turns are counted on.</param>
internal sealed class BackendPool(ServiceInfo service, ServicePort port, Backend[] backends, Random random, BackendPool? previous = null)
{
    // For so long, and of so many, what was counted of one that has left is kept.
    private const int MillisecondsOfDeparted = 600_000, MostDeparted = 1024;

    // Where the kernel draws a backend outside the mesh, it forwards that connection itself.
    private readonly Candidates _left = Candidates.Of(port, Array.Exists(backends, b => !b.IsUnmeshed) ? Array.FindAll(backends, b => !b.IsUnmeshed) : backends);

    // Requests that are routed are all brought to the proxy.
    private readonly Candidates _all = Candidates.Of(port, backends);

    // Those whose requests are counted, as if none had failed; null: nobody counts.
    private readonly Candidates? _allAnyway = Array.Exists(backends, b => b.Requests is not null) ? Candidates.Of(port, Array.ConvertAll(backends, b => b with { IsAskedAnyway = true })) : null;

    // At a random place, or every node that starts would begin with the same backend.
    private readonly StrongBox<int> _next = previous?._next ?? new StrongBox<int>(random.Next());

    // For requests, where it is said how they are balanced; null: as connections are.
    private ZoneBalancer? _balancer, _balancerAnyway;

    // Whether connections, and datagrams, to backends on other nodes come with the one that the kernel has drawn.
    private readonly bool _isDrawnWhole = WeightedSlots.IsExact(Array.ConvertAll(backends, b => b.Weight), (int)CvAbi.MaxSlots);

    internal ServiceInfo Service { get; } = service;

    internal ServicePort Port { get; } = port;

    /// <summary>The backend at an address; null when there is none.</summary>
    internal Backend? Find(in SocketEndPoint address)
    {
        foreach (Backend backend in backends)
        {
            if (backend.Address == address) return backend;
        }
        return null;
    }

    /// <summary>What is counted of requests, by the backends' addresses.</summary>
    internal Dictionary<SocketEndPoint, BackendRequests> Requests => backends.Where(b => b.Requests is not null).ToDictionary(b => b.Address, b => b.Requests!);

    /// <summary>What was counted of backends that have left the port of late, and when in milliseconds of the port's clock: one that returns soon goes on with it.</summary>
    internal Dictionary<SocketEndPoint, (BackendRequests Requests, long LeftAt)> Departed { get; } = DepartedFrom(previous, backends);

    /// <summary>What was counted of a backend that has left and returns; null: nothing, or too long ago.</summary>
    /// <param name="address">Its address and port.</param>
    /// <param name="port">The Service port as it is counted now.</param>
    internal BackendRequests? Returned(in SocketEndPoint address, PortRequests port)
    {
        if (!Departed.TryGetValue(address, out (BackendRequests Requests, long LeftAt) known) || known.Requests.Port != port || port.Now - known.LeftAt >= MillisecondsOfDeparted) return null;
        known.Requests.ReportHealthy(); // who has its address now need not be who had it
        known.Requests.Return();
        return known.Requests;
    }

    /// <summary>It is in force: how many of its backends may be left out goes by those that there are now.</summary>
    internal void Adopt()
    {
        BackendRequests[] all = [.. Requests.Values];
        foreach (BackendRequests one in all) one.Siblings = all;
    }

    /// <summary>Where its requests are counted; null: nobody counts.</summary>
    internal PortRequests? Counted => backends is [{ Requests: { } first }, ..] ? first.Port : null;

    /// <summary>Whether there is none for requests only because all are left out.</summary>
    internal bool IsAllOut => backends.Length > 0 && Array.TrueForAll(backends, b => b.IsOut);

    /// <summary>Chooses a backend for a new connection or session.</summary>
    /// <param name="view">The view in force.</param>
    /// <param name="source">Who asks; null from outside the mesh.</param>
    /// <param name="client">Its address.</param>
    internal Backend? Choose(MeshView view, WorkloadInfo? source, in SocketEndPoint client)
    {
        bool isInside = source is not null && view.Oracle.IsInside(source);

        // Of what a pod captured inside its namespace sends the kernel delivers nothing to workloads of the node, nor has it drawn one elsewhere.
        return Port.LoadBalancing == LoadBalancing.Random && !isInside ? Draw(view, source) : Choose(_left, view, source, client, tried: null);
    }

    /// <summary>Chooses a backend for a request that is routed, of which the kernel has delivered, drawn and forwarded nothing.</summary>
    /// <param name="view">The view in force.</param>
    /// <param name="source">Who asks; null from outside the mesh.</param>
    /// <param name="client">Its address.</param>
    /// <param name="traits">What of the request has a say.</param>
    /// <param name="cookie">What its client is to be given as <c>set-cookie</c>; null: nothing.</param>
    internal Backend? ChooseForRequest(MeshView view, WorkloadInfo? source, in SocketEndPoint client, in RequestTraits traits, out string? cookie)
    {
        cookie = null;

        // More may be out than should be, when others have left the Service since: one at least is asked.
        bool areAllAsked = IsAllOut && backends[0].Requests!.Port.Settings.MaxOutPercent < 100;
        Candidates among = (areAllAsked ? _allAnyway : null) ?? _all;
        return Port.Requests?.Balancing is { } balancing && _allAnyway is not null
            ? BalancerOf(among).Pick(balancing, traits, client, out cookie)
            : (traits.Tried is null ? null : Choose(among, view, source, client, traits.Tried)) ?? Choose(among, view, source, client, tried: null);
    }

    // Two threads may make the same.
    private ZoneBalancer BalancerOf(Candidates among) => ReferenceEquals(among, _all)
        ? _balancer ??= new ZoneBalancer(_all.Backends, random, _next)
        : _balancerAnyway ??= new ZoneBalancer(_allAnyway!.Backends, random, _next);

    private Backend? Choose(Candidates among, MeshView view, WorkloadInfo? source, in SocketEndPoint client, TriedBackends? tried)
    {
        (Backend[] candidates, int[] turns, bool isEven) = among;
        return Port.LoadBalancing switch
        {
            LoadBalancing.RoundRobin => NextInTurn(candidates, turns, view, source, tried),
            LoadBalancing.LeastConnections => LeastConnections(candidates, tried),
            LoadBalancing.SourceHash => BackendDraw.ByKey(candidates, Backend.KeyOf(client), isEven, new Share(this, view, source, LeftOut.Nobody, tried)),
            LoadBalancing.Random => Draw(candidates, view, source, LeftOut.Nobody, tried),
            _ => throw new InvalidOperationException($"how {Port.LoadBalancing} chooses is not said"),
        };
    }

    // The kernel draws among all backends and keeps what it can deliver on this node itself; a connection that it has drawn a backend on another node for comes with that. Choosing here among the
    // others only leaves every backend exactly the share that its weight says. From outside nothing has been drawn yet.
    private Backend? Draw(MeshView view, WorkloadInfo? source)
    {
        Backend[] candidates = _left.Backends;
        if (source is null) return Draw(candidates, view, source, LeftOut.Nobody);
        return (_isDrawnWhole ? Draw(candidates, view, source, LeftOut.DeliveredOrDrawn) : null)
            ?? Draw(candidates, view, source, LeftOut.Delivered) ?? Draw(candidates, view, source, LeftOut.Nobody);
    }

    private Backend? Draw(Backend[] candidates, MeshView view, WorkloadInfo? source, LeftOut leftOut, TriedBackends? tried = null) => BackendDraw.Draw(candidates, random, new Share(this, view, source, leftOut, tried));

    private bool IsLeftOut(MeshView view, Backend backend, WorkloadInfo? source, LeftOut leftOut)
    {
        if (backend.IsOut) return true;
        if (leftOut == LeftOut.Nobody) return false;
        PathKind kind = view.PathTo(source, backend.Address, Port.Protocol, Port).Kind;
        return kind == PathKind.Direct || (leftOut == LeftOut.DeliveredOrDrawn && kind == PathKind.Tunnel);
    }

    private static Dictionary<SocketEndPoint, (BackendRequests Requests, long LeftAt)> DepartedFrom(BackendPool? previous, Backend[] backends)
    {
        Dictionary<SocketEndPoint, (BackendRequests Requests, long LeftAt)> departed = previous?.DepartedWithAll() ?? [];
        foreach (Backend backend in backends) departed.Remove(backend.Address);
        return departed;
    }

    // As if all of its backends had left now.
    private Dictionary<SocketEndPoint, (BackendRequests Requests, long LeftAt)> DepartedWithAll()
    {
        IEnumerable<KeyValuePair<SocketEndPoint, (BackendRequests Requests, long LeftAt)>> known = Departed.Where(d => d.Value.Requests.Port.Now - d.Value.LeftAt < MillisecondsOfDeparted);
        return known.Concat(Requests.Values.Select(r => KeyValuePair.Create(r.Address, (Requests: r, LeftAt: r.Port.Now)))).OrderByDescending(d => d.Value.LeftAt).Take(MostDeparted).ToDictionary();
    }

    private int Turn(int count) => (int)((uint)Interlocked.Increment(ref _next.Value) % (uint)count);

    // The turns of one that is left out are drawn among the others, or they would all be its successor's.
    private Backend? NextInTurn(Backend[] candidates, int[] turns, MeshView view, WorkloadInfo? source, TriedBackends? tried)
    {
        if (turns.Length == 0) return null;
        Backend next = candidates[turns[Turn(turns.Length)]];
        return next.IsOut || tried?.Contains(next.Address) == true ? Draw(candidates, view, source, LeftOut.Nobody, tried) : next;
    }

    // Those that have equally few take turns.
    private Backend? LeastConnections(Backend[] candidates, TriedBackends? tried)
    {
        if (candidates.Length == 0) return null;
        int start = Turn(candidates.Length);
        Backend? best = null;
        for (int i = 0; i < candidates.Length; i++)
        {
            Backend other = candidates[(start + i) % candidates.Length];
            if (other.IsOut || tried?.Contains(other.Address) == true) continue;
            if (best is null || (long)(other.Load?.Count ?? 0) * best.Weight < (long)(best.Load?.Count ?? 0) * other.Weight) best = other;
        }
        return best;
    }

    // Backends that are chosen among, and the order of their turns. The kernel has drawn among all backends and has forwarded what it drew outside the mesh: then the proxy chooses among the others.
    // There are none only while the kernel still has the snapshot before.
    private sealed record Candidates(Backend[] Backends, int[] Turns, bool IsEven)
    {
        internal static Candidates Of(ServicePort port, Backend[] backends) =>
            new(backends, port.LoadBalancing == LoadBalancing.RoundRobin ? WeightedTurns.Order(Array.ConvertAll(backends, b => b.Weight)) : [], BackendDraw.IsEven(backends));
    }

    private readonly struct Share(BackendPool pool, MeshView view, WorkloadInfo? source, LeftOut leftOut, TriedBackends? tried) : IBackendShare
    {
        public double Of(Backend backend) => tried?.Contains(backend.Address) == true || pool.IsLeftOut(view, backend, source, leftOut) ? 0 : backend.Weight;
    }

    // Whom the proxy does not draw for a workload: the kernel has.
    private enum LeftOut
    {
        Nobody,

        // Backends that the kernel delivers to itself.
        Delivered,

        // … and those whose connections come with the backend that it has drawn.
        DeliveredOrDrawn,
    }
}

using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Inbound;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Udp;

namespace Culvert.NodeAgent.Proxy;

/// <summary>
/// The proxy of one node: event loops, the listeners for captured connections and for tunnels, and what runs on them. Methods
/// are thread-safe.
/// </summary>
internal sealed partial class ProxyServer : IAsyncDisposable
{
    private delegate ProxyListener BindListener(in SocketEndPoint address, int loop, ProxyOptions options, bool sharePort);

    private static readonly TimeSpan DrainPoll = TimeSpan.FromMilliseconds(20);

    // Most requests take less; a SYN that is dropped meanwhile is sent again after 1 s and then 2 (RFC 6298, 2.1 and 5.5), when the next agent may be there.
    private static readonly TimeSpan LongestClosing = TimeSpan.FromSeconds(2);

    private readonly ProxyOptions _options;
    private readonly TimeProvider _time;
    private readonly IProxyDirectory _directory;
    private readonly ProxyLoop[] _loops;
    private readonly ProxyShared _shared;
    private readonly List<ProxyListener> _outbound = [];
    private readonly List<ProxyListener> _backends = [];
    private readonly List<ProxyListener> _tunnels = [];
    private readonly List<ProxyListener> _udp = [];
    private readonly List<ProxyListener> _plain = [];
    private bool _started;
    private bool _stopped;

    /// <summary>Makes a proxy; nothing runs before <see cref="Start"/>.</summary>
    internal ProxyServer(ProxyOptions options, in ProxyAgent agent, TimeProvider time)
    {
        _options = options;
        _time = time;
        _directory = agent.Directory;
        int count = options.Loops > 0 ? options.Loops : Environment.ProcessorCount;
        _loops = new ProxyLoop[count];
        _shared = new ProxyShared(options, count, time);
        EventLoopOptions loopOptions = new() { MaxBufferedBytes = options.MaxBufferedBytes / count, Nice = options.LoopNice, LongestBusyPoll = options.LoopBusyPoll };
        for (int i = 0; i < count; i++)
        {
            EventLoop loop = new(i, loopOptions, time, agent.Observer);
            _loops[i] = new ProxyLoop(loop, options, _shared, agent, time);
        }

        InboundTunnels[] tunnels = [.. _loops.Select(l => l.Tunnels)];
        TunnelBalancer balancer = new(count);
        foreach (InboundTunnels loop in tunnels) loop.Join(tunnels, balancer);
    }

    /// <summary>Listeners for captured connections, in order of <see cref="ProxyOptions.OutboundListeners"/>, then of loops.</summary>
    internal IReadOnlyList<ProxyListener> OutboundListeners => _outbound;

    /// <summary>Listeners for captured connections that have the address of a backend, in order of <see cref="ProxyOptions.BackendListeners"/>, then of loops.</summary>
    internal IReadOnlyList<ProxyListener> BackendListeners => _backends;

    /// <summary>Listeners for tunnels, in order of <see cref="ProxyOptions.TunnelListeners"/>, then of loops.</summary>
    internal IReadOnlyList<ProxyListener> TunnelListeners => _tunnels;

    /// <summary>Sockets for captured datagrams behind a header, in order of <see cref="ProxyOptions.UdpListeners"/>, then of loops.</summary>
    internal IReadOnlyList<ProxyListener> UdpListeners => _udp;

    /// <summary>Sockets for captured datagrams without one, in order of <see cref="ProxyOptions.PlainListeners"/>, then of loops.</summary>
    internal IReadOnlyList<ProxyListener> PlainListeners => _plain;

    /// <summary>What each loop counts of datagrams.</summary>
    internal IEnumerable<UdpCounters> Datagrams => _loops.Select(loop => loop.Datagrams);

    /// <summary>How full the budgets of descriptors are.</summary>
    internal IEnumerable<PlaceUse> Places =>
    [
        new("workloads", _shared.Workloads.Used, _shared.Workloads.Limit),
        new("external", _shared.External.Used, _shared.External.Limit),
        new("tunnels-accepted", _shared.Tunnels.Used, _shared.Tunnels.Limit),
        new("tunnels-opened", _shared.OwnTunnels.Used, _shared.OwnTunnels.Limit),
        new("handshakes", _loops.Sum(l => l.Handshakes), _options.MaxHandshakes),
        new("spaces", SpaceSocketsInUse(), _options.MaxSpaceSockets),
    ];

    private IEnumerable<ProxyListener> AllListeners => [.. _outbound, .. _backends, .. _tunnels, .. _udp, .. _plain, .. SpacesListeners()];

    /// <summary>Binds the listeners and starts the loops.</summary>
    /// <exception cref="Interop.KernelException">A port is taken or a capability is missing; the message says which.</exception>
    internal void Start()
    {
        try
        {
            foreach (SocketEndPoint address in _options.OutboundListeners) BindAll(address, _outbound, ProxyListener.BindForPods);
            foreach (SocketEndPoint address in _options.BackendListeners) BindAll(address, _backends, ProxyListener.BindForBackends);
            foreach (SocketEndPoint address in _options.TunnelListeners) BindAll(address, _tunnels, ProxyListener.BindForTunnels);
            foreach (SocketEndPoint address in _options.UdpListeners) BindAll(address, _udp, ProxyListener.BindDatagrams);
            foreach (SocketEndPoint address in _options.PlainListeners) BindAll(address, _plain, ProxyListener.BindDatagrams);
        }
        catch
        {
            foreach (ProxyListener listener in AllListeners) listener.Handle.Dispose();
            throw;
        }

        _started = true;
        foreach (ProxyLoop loop in _loops) loop.Loop.Start();
        foreach (ProxyListener listener in _outbound) _loops[listener.Loop].Loop.Post(() => _loops[listener.Loop].ListenForPods(listener.Handle));
        foreach (ProxyListener listener in _backends) _loops[listener.Loop].Loop.Post(() => _loops[listener.Loop].ListenForBackends(listener.Handle));
        foreach (ProxyListener listener in _tunnels) _loops[listener.Loop].Loop.Post(() => _loops[listener.Loop].ListenForTunnels(listener.Handle));
        foreach (ProxyListener listener in _udp) _loops[listener.Loop].Loop.Post(() => _loops[listener.Loop].ListenDatagrams(listener, headers: true));
        foreach (ProxyListener listener in _plain) _loops[listener.Loop].Loop.Post(() => _loops[listener.Loop].ListenDatagrams(listener, headers: false));
    }

    /// <summary>Policy has changed: every connection authorised here is revalidated, and reset when it is no longer allowed.</summary>
    internal void Revalidate()
    {
        PostAll(static loop => loop.Revalidate());
        _shared.Responses?.Sweep(owner => _directory.FindLocalWorkload(owner.Target)?.Uid == owner.Uid && _directory.FindResponseCaching(owner.Target) is not null);
    }

    /// <summary>Bytes of responses that are kept for later requests, or being received for that.</summary>
    internal long KeptBytes => _shared.Responses?.Bytes ?? 0;

    /// <summary>
    /// Resets what workloads have opened that are about to leave the mesh, as long as the programs still see to it that what the proxy says reaches them. When the task ends, that is done.
    /// </summary>
    /// <param name="uids">The workloads.</param>
    internal Task LeaveAsync(IReadOnlySet<string> uids) => _started && !_stopped ? InvokeAllAsync(loop => loop.Leave(uids)) : Task.CompletedTask;

    /// <summary>Certificates or bundles have changed: tunnels made with replaced ones drain, new streams use the new ones.</summary>
    internal void CertificatesChanged() => PostAll(static loop => loop.DrainStale());

    /// <summary>Has the backends of a Service port asked whether they are well, on one loop, while workloads of this node use it.</summary>
    /// <param name="port">The port, which is used.</param>
    internal void CheckBackends(PortRequests port)
    {
        ProxyLoop loop = _loops[(int)((uint)HashCode.Combine(port.Service, port.Port) % (uint)_loops.Length)];
        loop.Loop.Post(() => loop.Checks.Begin(port));
    }

    /// <summary>What every loop holds now.</summary>
    internal async Task<ProxyLoopStats[]> GetStatsAsync() =>
        await Task.WhenAll(_loops.Select(loop => loop.Loop.InvokeAsync(loop.Stats)));

    /// <summary>
    /// Waits until nothing is left that an end would cut. New connections are taken meanwhile, since nobody else would: what the kernel finds no listener for, it drops. Only for the
    /// last of the time (or when nothing runs) no new ones are, so that those that run, and come after each other without a pause, can end; then peers are told to use no tunnel of this proxy any more.
    /// </summary>
    /// <param name="deadline">How long they may take.</param>
    /// <param name="hurry">Ends the wait.</param>
    /// <returns>Whether all had ended by themselves. What has not goes on until <see cref="DisposeAsync"/>.</returns>
    internal async Task<bool> DrainAsync(TimeSpan deadline, CancellationToken hurry = default)
    {
        if (!_started) return true;
        long started = _time.GetTimestamp();
        TimeSpan closing = TimeSpan.FromTicks(Math.Min(LongestClosing.Ticks, deadline.Ticks / 4));
        if (!await WaitIdleAsync(started, deadline - closing, hurry) && hurry.IsCancellationRequested) return false;
        Retire();
        return await WaitIdleAsync(started, deadline, hurry);
    }

    /// <summary>Gives up the datagrams of pods: their sessions end, and what they send goes to nobody here. For when another agent is about to take them.</summary>
    internal Task GiveUpDatagramsAsync() => _started && !_stopped ? InvokeAllAsync(static loop => loop.GiveUpDatagrams()) : Task.CompletedTask;

    /// <summary>Tells peers to use no tunnel of this proxy any more. What runs in them goes on.</summary>
    internal void RetireTunnels() => PostAll(static loop => loop.Tunnels.DrainAll());

    /// <summary>The same, and takes no new connection.</summary>
    internal void Retire() => PostAll(static loop => loop.Drain());

    private async Task<bool> WaitIdleAsync(long started, TimeSpan deadline, CancellationToken hurry)
    {
        while (true)
        {
            if ((await Task.WhenAll(_loops.Select(l => l.Loop.InvokeAsync(() => l.IsIdle)))).All(x => x)) return true;
            if (hurry.IsCancellationRequested || _time.GetElapsedTime(started) >= deadline) return false;
            await Task.Delay(DrainPoll, _time, hurry).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Stops at once; running connections are reset.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _stopped, true)) return;
        if (_started) await InvokeAllAsync(static loop => loop.Kill());

        foreach (ProxyLoop loop in _loops) loop.Loop.Dispose();
        foreach (ProxyListener listener in AllListeners) listener.Handle.Dispose();
        _ended.SetResult();
    }

    private Task<bool[]> InvokeAllAsync(Action<ProxyLoop> work) => Task.WhenAll(_loops.Select(loop => loop.Loop.InvokeAsync(() =>
    {
        work(loop);
        return true;
    })));

    private void PostAll(Action<ProxyLoop> work)
    {
        foreach (ProxyLoop loop in _loops) loop.Loop.Post(() => work(loop));
    }

    private void BindAll(SocketEndPoint address, List<ProxyListener> listeners, BindListener bind)
    {
        // One listener per loop. Where BPF programs pick one, each has a port of its own, because sk_assign refuses sockets with
        // SO_REUSEPORT on older kernels; without them the kernel has to spread connections over one port.
        SocketEndPoint next = address;
        for (int i = 0; i < _loops.Length; i++)
        {
            ProxyListener listener = Bind(next, i, bind);
            listeners.Add(listener);
            next = _options.Transparent ? address.WithPort(0) : listener.Local;
        }
    }

    private ProxyListener Bind(in SocketEndPoint address, int loop, BindListener bind)
    {
        try
        {
            return bind(address, loop, _options, sharePort: !_options.Transparent && _loops.Length > 1);
        }
        catch (Interop.KernelException e) when (_options.AnyPorts && address.Port != 0 && e.Errno == (int)SocketErrno.AddressInUse)
        {
            return bind(address.WithPort(0), loop, _options, sharePort: false);
        }
    }
}

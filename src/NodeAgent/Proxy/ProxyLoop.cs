using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Captured;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Http;
using Culvert.NodeAgent.Proxy.Http.Authorizers;
using Culvert.NodeAgent.Proxy.Http.HealthChecks;
using Culvert.NodeAgent.Proxy.Http.Mirroring;
using Culvert.NodeAgent.Proxy.Http.Routing;
using Culvert.NodeAgent.Proxy.Inbound;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Tunnel;
using Culvert.NodeAgent.Proxy.Udp;

namespace Culvert.NodeAgent.Proxy;

/// <summary>
/// Everything of the proxy that runs on one loop, and the one place where its parts are put together: each is given what it uses. Methods are called on the loop's thread
/// unless said otherwise.
/// </summary>
internal sealed class ProxyLoop
{
    private readonly ProxyShared _shared;
    private readonly IProxyObserver _observer;
    private readonly TimeProvider _time;
    private readonly CertificateWaiter _certificates;
    private readonly TunnelPool _pool;
    private readonly ConnectionGuard _guard;
    private readonly CapturedConnectionHandler _captured;
    private readonly InboundConnections _inbound;
    private readonly InboundHandshakes _handshakes;
    private readonly Http1Servers _servers;
    private readonly UdpIo _udp;
    private readonly LateAnswers _late;
    private readonly UdpSessions _sessions;
    private readonly CapturedDatagrams _datagrams;
    private readonly PortUnreachableReporter _unreachable;
    private readonly UdpDialer _udpDialer;
    private readonly List<(LoopListener Listener, PodSpace? Space)> _listeners = [];
    private readonly List<UdpListener> _datagramListeners = [];

    /// <summary>Puts the parts together; on any thread, before the loop starts.</summary>
    /// <param name="loop">The loop.</param>
    /// <param name="options">Limits and time limits.</param>
    /// <param name="shared">What the loops share.</param>
    /// <param name="agent">The agent around the proxy.</param>
    /// <param name="time">The clock.</param>
    internal ProxyLoop(EventLoop loop, ProxyOptions options, ProxyShared shared, in ProxyAgent agent, TimeProvider time)
    {
        (Loop, _shared, _observer, _time) = (loop, shared, agent.Observer, time);
        ConnectionIds ids = new(loop.Index);
        ConnectionPlaces places = new(shared.Workloads, shared.External);

        // Tunnels to other nodes.
        _certificates = new CertificateWaiter(loop, agent.Certificates, options.CertificateTimeout);
        HandshakeReporter reporter = new(agent.Observer, shared.Failures);
        TunnelHandshaker handshaker = new(loop, options.HandshakeTimeout, reporter, agent.Certificates, shared.Proofs, time);
        _pool = new TunnelPool(loop, options.TunnelPoolOf(shared.Loops), _certificates, handshaker, reporter, shared.OwnTunnels, shared.Ends, time);

        // A connection's life: admitted, then served by its protocol's handler.
        _guard = new ConnectionGuard(agent.Directory, agent.Authorizer, agent.Observer, time);
        _guard.Responses = shared.Responses;
        ConnectionAdmission admission = new(_guard, options.ProxyHeaderTimeout, agent.Observer);
        ApplicationDialer applications = new(loop, options.ApplicationDial, agent.Observer);
        Upstreams upstreams = new(applications, _pool, agent.TunnelSource);
        RequestDialer dialer = new(ids, agent.Spaces, places, _guard, upstreams, agent.Observer);
        _servers = new Http1Servers(dialer, options.Http, agent.Observer);
        _guard.Authorizers = new RequestAuthorizers(loop, options.Http, agent.Directory, dialer, _servers, agent.Observer, time);
        MirrorRoom mirrors = new(loop, options.Http, shared.Loops, _servers, dialer, agent.Observer, time);
        Checks = new HealthChecker(loop, options.Http, shared.Loops, agent.Directory, dialer, agent.Spaces, agent.Observer, time);
        Http2Handler http2 = new(options.Http, agent.Directory, dialer, _servers, mirrors, agent.Observer, time);
        ProtocolHandlers protocols = new(loop, new ByteHandler(), new Dictionary<HttpKind, IProtocolHandler>
        {
            [HttpKind.Http1] = new Http1Handler(options.Http, agent.Directory, _servers, dialer, mirrors, agent.Observer, time, http2),
            [HttpKind.Http2] = http2,
        });
        _captured = new CapturedConnectionHandler(
            loop, ids, agent.Directory, agent.Spaces, agent.Translated, places, admission, protocols, upstreams, agent.Observer);

        // Datagrams that pods send.
        _udp = new UdpIo(loop, new UdpCounters(), agent.Observer);
        _unreachable = new PortUnreachableReporter(loop, options.Mark, options.Transparent);
        _udpDialer = new UdpDialer(loop, options.Mark, options.Transparent, _udp, shared.Ports);
        _late = new LateAnswers(loop, options.LateAnswerTime, shared.Answers, agent.Replies);
        UdpApplicationDialer udpApplications = new(_udpDialer, shared.Answers, agent.Replies, _late, agent.Observer);
        BehindProxyHeaderSessions behindHeaders = new(loop, options.UdpTimes, agent.Directory, places, ids, _guard, udpApplications, agent.Observer);
        UdpSessionOpener opener = new(loop, agent.Directory, agent.Spaces, ids, places, _guard, udpApplications, new UdpTunnelDialer(loop, _pool, agent.TunnelSource, agent.Observer), behindHeaders);
        UdpSessionParts parts = new(loop, options.UdpTimes, _udpDialer, _udp, _unreachable, agent.Draws, agent.Observer);
        _sessions = new UdpSessions(options.MaxUdpSessions, options.MaxUdpRefusals, agent.Directory, parts, opener);
        _datagrams = new CapturedDatagrams(loop, options.CheckCaptured, _sessions, shared.Answers, agent.Directory, agent.Observer);

        // Tunnels from other nodes.
        ConnectResponder responder = new();
        InboundRequests requests = new(ids, agent.Directory, agent.Spaces, shared.Ends, options.ForbiddenPorts);
        InboundDatagrams inboundDatagrams = new(loop, options.DatagramStreamTimes, _guard, udpApplications, behindHeaders, responder, agent.Observer);
        _inbound = new InboundConnections(loop, _guard, admission, protocols, applications, responder, agent.Observer);
        InboundStreams streams = new(requests, places, _inbound, inboundDatagrams, responder, agent.Observer);
        Tunnels = new InboundTunnels(loop, options.Tunnels, shared.Tunnels, agent.Directory, _certificates, reporter, streams, time);
        HandshakeGate gate = new(Math.Max(1, options.MaxHandshakes / shared.Loops), Math.Max(1, options.MaxHandshakesPerSource / shared.Loops));
        _handshakes = new InboundHandshakes(loop, options.PeerHandshakeTimeout, gate, agent.Directory, _certificates, handshaker, reporter, Tunnels);
    }

    internal EventLoop Loop { get; }

    /// <summary>Tunnels from other nodes.</summary>
    internal InboundTunnels Tunnels { get; }

    /// <summary>Asks backends whether they are well.</summary>
    internal HealthChecker Checks { get; }

    /// <summary>Connections whose peers have not proven who they are; readable from any thread.</summary>
    internal int Handshakes => _handshakes.Count;

    /// <summary>What is counted of datagrams; readable from any thread.</summary>
    internal UdpCounters Datagrams => _udp.Counters;

    /// <summary>Whether nothing is left to wait for.</summary>
    internal bool IsIdle => _captured.Running == 0 && _inbound.Running == 0;

    internal void ListenForPods(SocketHandle listener, PodSpace? space = null) => Listen(listener, (handle, peer) => _captured.Accept(handle, peer, space), space);

    internal void ListenForBackends(SocketHandle listener) => Listen(listener, _captured.AcceptForBackend, space: null);

    internal void ListenForTunnels(SocketHandle listener, PodSpace? space = null) => Listen(listener, (handle, peer) => _handshakes.Accept(handle, peer, space), space);

    private void Listen(SocketHandle listener, Action<SocketHandle, SocketEndPoint> accepted, PodSpace? space)
    {
        LoopListener watched = new(Loop, listener, accepted, OnAcceptFailed);
        _listeners.Add((watched, space));
        watched.Watch();
    }

    internal void ListenDatagrams(ProxyListener listener, bool headers, PodSpace? space = null)
    {
        UdpListener watched = new(Loop, _udp.Receiver, _time, _datagrams, listener.Handle, listener.Local, headers, space);
        _datagramListeners.Add(watched);
        SocketErrno error = watched.Watch();
        if (error != SocketErrno.None) _observer.OnLoopFault(Loop.Index, new Interop.KernelException("watch a socket for datagrams", (int)error));
    }

    private void OnAcceptFailed(SocketErrno error)
    {
        // By error: each kind is told of now and then, however often it is tried again.
        ThrottledLine line = _shared.AcceptFailures.Next(error);
        _observer.OnAcceptFailed(Loop.Index, error, line.Log, line.Suppressed);
    }

    internal void StopListening()
    {
        foreach ((LoopListener listener, _) in _listeners) listener.Dispose();
        _listeners.Clear();
    }

    /// <summary>A space has been given up: nothing of the proxy stays there but connections that are being made, which end by their time limits.</summary>
    internal void CloseOf(PodSpace space)
    {
        foreach ((LoopListener listener, PodSpace? its) in _listeners)
        {
            if (its == space) listener.Dispose();
        }

        _listeners.RemoveAll(l => l.Space == space);
        foreach (UdpListener listener in _datagramListeners)
        {
            if (listener.Space == space) listener.Dispose();
        }

        _datagramListeners.RemoveAll(l => l.Space == space);
        _guard.AbortOf(space);
        _sessions.CloseOf(space);
        Tunnels.CloseOf(space);
        _pool.CloseOf(space);
        _unreachable.CloseOf(space);
        _udpDialer.CloseOf(space);
        _late.CloseOf(space);
    }

    /// <summary>No new streams on any tunnel; running ones go on.</summary>
    internal void Drain()
    {
        StopListening();
        Checks.End();
        Tunnels.DrainAll();
        _servers.CloseIdle();
        if (IsIdle) _pool.DrainAll();
    }

    /// <summary>Ends the sessions of datagrams that pods of this node send, and takes no more.</summary>
    internal void GiveUpDatagrams()
    {
        foreach (UdpListener listener in _datagramListeners) listener.Dispose();
        _datagramListeners.Clear();
        _sessions.CloseAll();
    }

    internal void DrainStale()
    {
        _certificates.Wake();
        _pool.DrainStale();
        Tunnels.DrainStale();
    }

    internal void Revalidate()
    {
        // Policy first: what it ends must not end as one whose path has changed only.
        _guard.Revalidate();
        _sessions.Revalidate();
        Tunnels.DrainStale();
    }

    internal void Leave(IReadOnlySet<string> uids) => _guard.AbortOf(uids);

    /// <summary>Resets what still runs and closes all tunnels.</summary>
    internal void Kill()
    {
        StopListening();
        Checks.End();
        foreach (UdpListener listener in _datagramListeners) listener.Dispose();
        _sessions.CloseAll();
        _guard.AbortAll(ProxyFailure.Draining);
        _handshakes.CloseAll();
        Tunnels.CloseAll();
        _pool.CloseAll();
        _unreachable.Close();
        _udpDialer.Close();
        _late.Close();
    }

    internal ProxyLoopStats Stats() => new(
        _guard.OpenCount, _pool.Count, Tunnels.Count, Handshakes, Loop.Buffers.RentedBytes, Loop.Buffers.IdleBytes, Loop.SourceCount, _sessions.Count);
}

using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Captured;
using Culvert.NodeAgent.Proxy.Inbound;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Tunnel;
using Culvert.NodeAgent.Proxy.Udp;

namespace Culvert.NodeAgent.Proxy;

/// <summary>Everything of the proxy that runs on one loop. Methods are called on its thread unless said otherwise.</summary>
internal sealed class ProxyLoop
{
    private readonly ProxyContext _context;
    private readonly CapturedConnectionHandler _outbound;
    private readonly InboundHandler _inbound;
    private readonly UdpSessions _datagrams;
    private readonly List<LoopListener> _listeners = [];
    private readonly List<UdpListener> _datagramListeners = [];

    /// <summary>Puts the parts together; on any thread, before the loop starts.</summary>
    internal ProxyLoop(ProxyContext context)
    {
        _context = context;
        _outbound = new CapturedConnectionHandler(context);
        _inbound = new InboundHandler(context);
        _datagrams = new UdpSessions(context);
    }

    internal EventLoop Loop => _context.Loop;

    internal InboundHandler Inbound => _inbound;

    /// <summary>What is counted of datagrams; readable from any thread.</summary>
    internal UdpCounters Datagrams => _context.Udp.Counters;

    /// <summary>Whether nothing is left to wait for.</summary>
    internal bool IsIdle => _context.Running == 0;

    internal void Listen(SocketHandle listener, bool outbound)
    {
        LoopListener watched = new(Loop, listener, outbound ? _outbound.Accept : _inbound.Accept, OnAcceptFailed);
        _listeners.Add(watched);
        watched.Watch();
    }

    internal void ListenDatagrams(ProxyListener listener, bool headers)
    {
        UdpListener watched = new(_context, _datagrams, listener, headers);
        _datagramListeners.Add(watched);
        SocketErrno error = watched.Watch();
        if (error != SocketErrno.None) _context.Observer.OnLoopFault(Loop.Index, new Interop.KernelException("watch a socket for datagrams", (int)error));
    }

    private void OnAcceptFailed(SocketErrno error)
    {
        // By error: each kind is told of now and then, however often it is tried again.
        ThrottledLine line = _context.Shared.AcceptFailures.Next(new SocketEndPoint(0, (ulong)error, 0));
        _context.Observer.OnAcceptFailed(Loop.Index, error, line.Log, line.Suppressed);
    }

    internal void StopListening()
    {
        foreach (LoopListener listener in _listeners) listener.Dispose();
        _listeners.Clear();
    }

    /// <summary>No new streams on any tunnel; running ones go on.</summary>
    internal void Drain()
    {
        StopListening();
        _inbound.DrainAll();
        if (IsIdle) _context.Pool.DrainAll();
    }

    internal void DropStale()
    {
        _context.Certificates.Wake();
        _context.Pool.DropStale();
        _inbound.DropStale();
    }

    internal void Reauthorize()
    {
        _datagrams.Recheck();
        _context.Guard.Revalidate();
        _inbound.DropStale();
    }

    /// <summary>Resets what still runs and closes all tunnels.</summary>
    internal void Kill()
    {
        StopListening();
        foreach (UdpListener listener in _datagramListeners) listener.Dispose();
        _datagrams.CloseAll();
        _context.Guard.AbortAll(ProxyFailure.Draining);
        _inbound.CloseAll();
        _context.Pool.CloseAll();
        _context.Release();
    }

    internal ProxyLoopStats Stats() => new(
        _context.Guard.OpenCount, _context.Pool.Count, _inbound.Count, _inbound.Handshakes, Loop.Buffers.RentedBytes, Loop.Buffers.IdleBytes, Loop.SourceCount, _datagrams.Count);
}

using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Inbound;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Outbound;
using Culvert.NodeAgent.Proxy.Relay;

namespace Culvert.NodeAgent.Proxy;

/// <summary>Everything of the proxy that runs on one loop. Methods are called on its thread unless said otherwise.</summary>
internal sealed class ProxyLoop
{
    private readonly ProxyContext _context;
    private readonly OutboundHandler _outbound;
    private readonly InboundHandler _inbound;
    private readonly List<LoopListener> _listeners = [];

    /// <summary>Puts the parts together; on any thread, before the loop starts.</summary>
    internal ProxyLoop(ProxyContext context)
    {
        _context = context;
        _outbound = new OutboundHandler(context);
        _inbound = new InboundHandler(context);
    }

    internal EventLoop Loop => _context.Loop;

    internal InboundHandler Inbound => _inbound;

    /// <summary>Whether nothing is left to wait for.</summary>
    internal bool IsIdle => _context.Running == 0;

    internal void Listen(SocketHandle listener, bool outbound)
    {
        Action<SocketErrno> failed = error =>
            _context.Seams.Observer.OnLoopFault(Loop.Index, new Interop.KernelException("accept a connection", (int)error));
        LoopListener watched = new(Loop, listener, outbound ? _outbound.Accept : _inbound.Accept, failed);
        _listeners.Add(watched);
        watched.Watch();
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
        foreach (ProxiedConnection connection in _context.Connections.ToArray()) connection.Reauthorize();
    }

    /// <summary>Resets what still runs and closes all tunnels.</summary>
    internal void Kill()
    {
        StopListening();
        foreach (ProxiedConnection connection in _context.Connections.ToArray()) connection.Abort(ProxyFailure.Draining);
        _inbound.CloseAll();
        _context.Pool.CloseAll();
    }

    internal ProxyLoopStats Stats() => new(
        _context.Connections.Count, _context.Pool.Count, _inbound.Count, Loop.Buffers.RentedBytes, Loop.Buffers.IdleBytes, Loop.SourceCount);
}

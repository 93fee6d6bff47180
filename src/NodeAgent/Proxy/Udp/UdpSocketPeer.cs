using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>
/// A pod, or another plain UDP destination, as a session speaks to it: a socket bound to the client's own address and port and
/// connected to the destination, so that the application sees the real client. Belongs to its loop's thread.
/// </summary>
internal sealed class UdpSocketPeer : EventSource, IDatagramPeer
{
    private readonly ProxyContext _context;
    private readonly SocketHandle _handle;
    private readonly IDatagramSink _sink;
    private readonly SocketEndPoint _client;
    private readonly SocketEndPoint _target;
    private bool _disposed;

    private UdpSocketPeer(ProxyContext context, SocketHandle handle, in SocketEndPoint client, in SocketEndPoint target, IDatagramSink sink)
    {
        (_context, _handle, _sink, _client, _target) = (context, handle, sink, client, target);
    }

    /// <summary>Opens the way to a destination.</summary>
    /// <param name="context">What the loop shares.</param>
    /// <param name="client">The client's address and port. Not used as source when the family differs or the proxy is not transparent.</param>
    /// <param name="target">The destination.</param>
    /// <param name="sink">Hears what comes back.</param>
    /// <param name="failure">Why null was returned.</param>
    /// <param name="detail">More words on it.</param>
    internal static UdpSocketPeer? TryOpen(
        ProxyContext context, in SocketEndPoint client, in SocketEndPoint target, IDatagramSink sink, out ProxyFailure failure, out string? detail)
    {
        (failure, detail) = (ProxyFailure.None, null);
        SocketHandle? handle = UdpDialer.Connect(context, client, target, out SocketErrno error);
        if (handle is not null)
        {
            UdpSocketPeer peer = new(context, handle, client, target, sink);
            error = context.Loop.Register(peer, handle, EpollEvents.Readable);
            if (error == SocketErrno.None) error = context.Seams.Replies.Add(target, client);
            if (error == SocketErrno.None) return peer;
            context.Loop.Unregister(peer);
            handle.Dispose();
        }

        (failure, detail) = (Failures.FromConnect(error), $"send to {target}: {error}");
        return null;
    }

    /// <inheritdoc/>
    public bool Send(ReadOnlySpan<byte> payload) => _handle.Send(payload).Succeeded;

    /// <inheritdoc/>
    public void Flush()
    {
    }

    /// <inheritdoc/>
    internal override void OnReady(EpollEvents events)
    {
        IoResult result = _handle.Receive(_context.Loop.Scratch);
        if (!result.Succeeded) return;
        _sink.OnDatagram(_context.Loop.Scratch.AsSpan(0, result.Count), 0);
        if (!_disposed) _sink.OnIdle();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _context.Seams.Replies.Remove(_target, _client);
        _context.Loop.Unregister(this);
        _handle.Dispose();
    }
}

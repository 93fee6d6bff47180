using System.Runtime.CompilerServices;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;

namespace Culvert.NodeAgent.Proxy.Transport;

/// <summary>Opens TCP connections on a loop.</summary>
internal static class Dialer
{
    /// <summary>Connects.</summary>
    /// <param name="loop">The loop the caller runs on.</param>
    /// <param name="remote">Where to.</param>
    /// <param name="options">Mark, source address, namespace, time limit.</param>
    /// <returns>The socket, or why there is none (TimedOut for the time limit).</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    internal static async ValueTask<DialResult> ConnectAsync(EventLoop loop, SocketEndPoint remote, DialOptions options)
    {
        SocketHandle? handle = Start(loop, remote, options, out SocketErrno error, out bool portChanged);
        if (handle is null) return new DialResult(null, error, portChanged);
        LoopSocket socket = new(loop, handle, connected: error == SocketErrno.None);
        if (socket.RegisterError != SocketErrno.None)
        {
            socket.Dispose();
            return new DialResult(null, socket.RegisterError, portChanged);
        }

        if (error == SocketErrno.None) return new DialResult(socket, SocketErrno.None, portChanged);
        LoopTimer deadline = new(static state => ((LoopSocket)state!).Dispose(), socket);
        loop.Schedule(deadline, options.Timeout);
        bool answered = await socket.WritableAsync();
        loop.Timers.Cancel(deadline);
        if (!answered) return new DialResult(null, SocketErrno.TimedOut, portChanged);
        error = socket.HasEnded ? handle.TakeError() : SocketErrno.None;
        if (error == SocketErrno.None) return new DialResult(socket, SocketErrno.None, portChanged);
        socket.Dispose();
        return new DialResult(null, error, portChanged);
    }

    private static SocketHandle? Start(EventLoop loop, in SocketEndPoint remote, in DialOptions options, out SocketErrno error, out bool portChanged)
    {
        portChanged = false;
        SocketHandle? handle = Open(loop, remote, options, out error);
        if (handle is null) return null;
        error = TryStart(handle, remote, options.Source, byConnect: options.Space is null, out bool isOther);
        if (isOther)
        {
            handle.Dispose();
            handle = Open(loop, remote, options, out error);
            if (handle is null) return null;
            error = TryStart(handle, remote, options.Source, byConnect: false, out _);
        }

        if (options.Source is { Port: not 0 } source && error is SocketErrno.AddressInUse or SocketErrno.AddressNotAvailable)
        {
            // The client's own port is taken here (or the very four-tuple is): keep the address, give up the port.
            handle.Dispose();
            handle = Open(loop, remote, options, out error);
            if (handle is null) return null;
            portChanged = true;
            error = TryStart(handle, remote, options.Source!.Value.WithPort(0), byConnect: false, out _);
        }

        if (error is SocketErrno.None or SocketErrno.InProgress) return handle;
        handle.Dispose();
        return null;
    }

    private static SocketHandle? Open(EventLoop loop, in SocketEndPoint remote, in DialOptions options, out SocketErrno error)
    {
        SocketHandle? handle = SpaceSockets.TryCreateTcp(loop, options.Space, !remote.IsIPv4, out error);
        if (handle is null) return null;
        error = handle.SetNoDelay();
        if (error == SocketErrno.None) error = options.Mark.Apply(handle);
        if (error == SocketErrno.None && options.UserTimeout > TimeSpan.Zero) error = handle.SetUserTimeout(options.UserTimeout);
        if (error == SocketErrno.None && options.OnNode) error = OnNodePath.Tune(handle);
        if (error == SocketErrno.None && !options.IsTunnel) error = ApplicationSocketOptions.Tune(handle, options.KeepAlive);
        else if (error == SocketErrno.None && options.KeepAlive > TimeSpan.Zero) error = KeepAlive.Enable(handle, options.KeepAlive);
        if (error == SocketErrno.None && options.Source is not null)
        {
            if (options.Transparent) error = handle.SetTransparent();
            if (options.Transparent && error == SocketErrno.None) error = options.Mark.TakeCapturedOnly(handle);
            if (error == SocketErrno.None) error = handle.SetReuseAddress();
        }

        if (error == SocketErrno.None) return handle;
        handle.Dispose();
        return null;
    }

    private static SocketErrno TryStart(SocketHandle handle, in SocketEndPoint remote, in SocketEndPoint? source, bool byConnect, out bool isOther)
    {
        isOther = false;
        if (source is { } from)
        {
            if (byConnect && LocalPortRange.OfNode.Contains(from.Port) && TryByConnect(handle, remote, from, out isOther) is { } started) return started;
            SocketErrno error = from.Port == 0 ? handle.SetBindAddressNoPort() : SocketErrno.None;
            if (error == SocketErrno.None) error = handle.Bind(from);
            if (error != SocketErrno.None) return error;
        }

        return handle.Connect(remote);
    }

    // A port that connect has chosen can serve others of this machine to other destinations, which one that bind was given can't: clients that choose their ports at random would soon leave none. Null: it has
    // to be bound, since the kernel is older (6.3), or a socket that was bound has the port already. Pods' namespaces have ranges of their own, and there nobody but the pod is hindered.
    private static SocketErrno? TryByConnect(SocketHandle handle, in SocketEndPoint remote, in SocketEndPoint source, out bool isOther)
    {
        isOther = false;
        SocketErrno error = handle.SetLocalPort(source.Port);
        if (error == SocketErrno.None) error = handle.SetBindAddressNoPort();
        if (error == SocketErrno.None) error = handle.Bind(source.WithPort(0));
        if (error == SocketErrno.None) error = handle.Connect(remote);
        if (error is SocketErrno.None or SocketErrno.InProgress)
        {
            if (handle.GetLocalEndPoint(out SocketEndPoint local) == SocketErrno.None && local.Port == source.Port) return error;

            // Somebody has set the range anew, and the port is not of it: this connection is of no use.
            LocalPortRange.Forget();
            isOther = true;
            return SocketErrno.AddressNotAvailable;
        }

        _ = handle.SetBindAddressNoPort(wait: false);
        return null;
    }
}

using System.Runtime.CompilerServices;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Relay;

namespace Culvert.NodeAgent.Proxy.ProxyProtocol;

/// <summary>
/// Waits for the header that a load balancer puts in front of what it forwards: whole, however it is split, within a time and
/// a length. Takes exactly the header: the application's bytes stay where they are. On the loop's thread.
/// </summary>
internal static class ProxyHeaderReceiver
{
    /// <summary>Reads from a socket; on an error the caller closes it.</summary>
    /// <param name="socket">The connection.</param>
    /// <param name="timeout">Time for the whole header.</param>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    internal static async ValueTask<ReceivedHeader> ReceiveAsync(LoopSocket socket, TimeSpan timeout)
    {
        // Closing is what wakes the waiter.
        LoopTimer deadline = socket.ResetAfter(timeout);
        ReceivedHeader? header = TryReceive(socket);
        while (header is null) header = await socket.ReadableAsync() ? TryReceive(socket) : new ReceivedHeader(ProxyProtocolError.Timeout);
        socket.Loop.Timers.Cancel(deadline);
        return header.Value;
    }

    /// <summary>Reads from a tunnel's stream that has no socket yet; on an error the caller aborts it.</summary>
    /// <param name="relay">The stream.</param>
    /// <param name="loop">The loop.</param>
    /// <param name="timeout">Time for the whole header.</param>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    internal static async ValueTask<ReceivedHeader> ReceiveAsync(StreamRelay relay, EventLoop loop, TimeSpan timeout)
    {
        LoopTimer deadline = new(static state => ((StreamRelay)state!).Abort(ProxyFailure.ProxyProtocol), relay);
        loop.Schedule(deadline, timeout);
        ReceivedHeader? header = TryReceive(relay);
        while (header is null) header = await relay.PreConnectArrival.WaitAsync() ? TryReceive(relay) : new ReceivedHeader(ProxyProtocolError.Timeout);
        loop.Timers.Cancel(deadline);
        return header.Value;
    }

    private static ReceivedHeader? TryReceive(LoopSocket socket)
    {
        Span<byte> buffer = socket.Loop.Scratch.AsSpan(0, ProxyHeaderReader.DefaultMaxLength);
        IoResult peeked = socket.Peek(buffer);
        if (peeked.WouldBlock) return null;
        if (peeked.Count <= 0) return new ReceivedHeader(ProxyProtocolError.Incomplete);
        ReceivedHeader? header = ReceivedHeader.Read(buffer[..peeked.Count], out int length);
        if (header is null)
        {
            // What is there stays there: only more of it is news. After the end there will be none.
            socket.ReadBlocked();
            return socket.CanRead ? new ReceivedHeader(ProxyProtocolError.Incomplete) : null;
        }

        if (header.Value.Error == ProxyProtocolError.None && socket.Receive(buffer[..length]).Count != length) return new ReceivedHeader(ProxyProtocolError.Incomplete);
        return header;
    }

    private static ReceivedHeader? TryReceive(StreamRelay relay)
    {
        ReadOnlySpan<byte> data = relay.PreConnectBuffer;
        int length = 0;
        ReceivedHeader? header = data.IsEmpty ? null : ReceivedHeader.Read(data, out length);
        if (header is null) return relay.HasStreamEnded ? new ReceivedHeader(ProxyProtocolError.Incomplete) : null;
        if (header.Value.Error == ProxyProtocolError.None) relay.TakePreConnect(length);
        return header;
    }
}

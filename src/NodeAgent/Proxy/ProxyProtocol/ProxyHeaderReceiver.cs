using System.Runtime.CompilerServices;
using Culvert.Core;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.ProxyProtocol;

/// <summary>
/// Waits for the header that a load balancer puts in front of what it forwards: whole, however it is split, within a time and
/// a length. Takes exactly the header: the application's bytes stay where they are. On the loop's thread.
/// </summary>
internal static class ProxyHeaderReceiver
{
    /// <summary>Reads from a transport that nobody else reads from; on an error the caller resets it.</summary>
    /// <param name="transport">The connection.</param>
    /// <param name="timeout">Time for the whole header.</param>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    internal static async ValueTask<ReceivedHeader> ReceiveAsync(ITransport transport, TimeSpan timeout)
    {
        // Closing is what wakes the waiter.
        LoopTimer deadline = new(static state => ((ITransport)state!).Reset(ProxyFailure.ProxyProtocol), transport);
        transport.Loop.Schedule(deadline, timeout);
        ReceivedHeader? header = TryReceive(transport);
        while (header is null) header = await transport.ReadableAsync() ? TryReceive(transport) : new ReceivedHeader(ProxyProtocolError.Timeout);
        transport.Loop.Timers.Cancel(deadline);
        return header.Value;
    }

    private static ReceivedHeader? TryReceive(ITransport transport)
    {
        // Not the loop's scratch buffer: what came out of a tunnel, and what follows it, may lie there.
        Span<byte> buffer = stackalloc byte[ProxyHeaderReader.DefaultMaxLength];
        TransportResult peeked = transport.Peek(buffer);
        if (peeked.Status == TransportStatus.Blocked) return null;
        if (peeked.IsOver) return new ReceivedHeader(ProxyProtocolError.Incomplete);
        ReceivedHeader? header = ReceivedHeader.Read(buffer[..peeked.Count], out int length);
        if (header is null)
        {
            // What is there stays there: only more of it is news. After the end there will be none.
            transport.AwaitMore();
            return transport.CanReceive ? new ReceivedHeader(ProxyProtocolError.Incomplete) : null;
        }

        if (header.Value.Error == ProxyProtocolError.None && transport.Receive(buffer[..length]).Count != length) return new ReceivedHeader(ProxyProtocolError.Incomplete);
        return header;
    }
}

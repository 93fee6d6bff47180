using System.Runtime.CompilerServices;
using Culvert.Core;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
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
    /// <returns>The header, why it is refused, or that the connection was reset before.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    internal static async ValueTask<ReceivedHeader> ReceiveAsync(IPeekableTransport transport, TimeSpan timeout)
    {
        // Closing is what wakes the waiter.
        LoopTimer deadline = new(static state => ((ITransport)state!).Reset(ProxyFailure.ProxyProtocol), transport);
        transport.Loop.Schedule(deadline, timeout);
        ReceivedHeader? header = TryReceive(transport);
        while (header is null) header = await transport.ReadableAsync() ? TryReceive(transport) : WhyClosed(transport);
        transport.Loop.Timers.Cancel(deadline);
        return header.Value;
    }

    private static ReceivedHeader? TryReceive(IPeekableTransport transport)
    {
        // Not the loop's scratch buffer: what came out of a tunnel, and what follows it, may lie there.
        Span<byte> buffer = stackalloc byte[ProxyHeaderReader.DefaultMaxLength];
        TransportResult peeked = transport.Peek(buffer);
        if (peeked.Status == TransportStatus.Blocked) return null;
        if (peeked.IsOver) return WhyOver(peeked.Status);
        ReceivedHeader? header = ReceivedHeader.Read(buffer[..peeked.Count], out int length);
        if (header is null)
        {
            // What is there stays there: only more of it is news. After the end there will be none.
            transport.AwaitMore();
            return transport.CanReceive ? TakeEnd(transport, buffer) : null;
        }

        if (header.Value.Error == ProxyProtocolError.None && transport.Receive(buffer[..length]).Count != length) return new ReceivedHeader(ProxyProtocolError.Incomplete);
        return header;
    }

    // What comes behind the bytes that are there: the end of the load balancer's direction, or its reset.
    private static ReceivedHeader TakeEnd(IPeekableTransport transport, Span<byte> buffer)
    {
        TransportResult received = transport.Receive(buffer);
        while (received.Count > 0) received = transport.Receive(buffer);
        return WhyOver(received.Status);
    }

    private static ReceivedHeader WhyOver(TransportStatus status) =>
        status == TransportStatus.Failed ? ReceivedHeader.Reset : new ReceivedHeader(ProxyProtocolError.Incomplete);

    private static ReceivedHeader WhyClosed(IPeekableTransport transport) =>
        transport.Failure == ProxyFailure.ProxyProtocol ? new ReceivedHeader(ProxyProtocolError.Timeout) : ReceivedHeader.Reset;
}

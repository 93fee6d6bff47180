using System.Runtime.CompilerServices;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>What goes to one side of an HTTP connection. What it does not take at once waits in buffers of its account. Belongs to its loop's thread.</summary>
/// <param name="transport">The side.</param>
/// <param name="unsent">Where it waits.</param>
internal sealed class HttpOutput(ITransport transport, HeldBytes unsent)
{
    private bool _unflushed;
    private bool _hadNoRoom;

    /// <summary>Bytes that were written.</summary>
    internal long Written { get; private set; }

    /// <summary>Why writing has failed.</summary>
    internal ProxyFailure Failure { get; private set; }

    /// <summary>Whether some of it waits: nothing more should be written before <see cref="DrainAsync"/>.</summary>
    internal bool IsBlocked => _unflushed || _hadNoRoom || !unsent.IsEmpty;

    /// <summary>Whether somebody waits in <see cref="DrainAsync"/>; nobody else may.</summary>
    internal bool IsDraining { get; private set; }

    /// <summary>Writes bytes; false when the side is broken, or there is no buffer for what waits.</summary>
    /// <param name="data">The bytes; all are taken.</param>
    internal bool Write(ReadOnlySpan<byte> data)
    {
        int sent = 0;
        if (!IsBlocked)
        {
            TransportResult result = transport.Send(data);
            if (result.IsOver) return Fail(transport.Failure);
            sent = result.Count;
            _unflushed = result.Status == TransportStatus.Blocked;
        }

        Written += data.Length;
        return sent == data.Length || unsent.Append(data[sent..]) || Fail(ProxyFailure.Overload);
    }

    /// <summary>Receives from another transport straight into what this side sends: as <see cref="ITransport.Receive"/>. To be called only while nothing waits.</summary>
    /// <param name="from">The other transport.</param>
    /// <param name="most">Most bytes, 1 or more.</param>
    /// <param name="isBroken">Whether this side is broken, or there is no buffer for what waits.</param>
    internal TransportResult Pass(ITransport from, int most, out bool isBroken)
    {
        isBroken = false;
        Span<byte> room = transport.Reserve(most);
        if (room.IsEmpty)
        {
            _hadNoRoom = true;
            return default;
        }

        TransportResult received = from.Receive(room);
        TransportResult sent = transport.Commit(received.Count);
        if (received.Count == 0) return received;
        Written += received.Count;
        _unflushed = sent.Status == TransportStatus.Blocked;
        if (sent.IsOver) isBroken = !Fail(transport.Failure);
        else if (sent.Count < received.Count && !unsent.Append(room[sent.Count..received.Count])) isBroken = !Fail(ProxyFailure.Overload);
        return received;
    }

    /// <summary>Waits until nothing waits; false when the side is broken or has been closed.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    internal async ValueTask<bool> DrainAsync()
    {
        while (IsBlocked)
        {
            if (!_hadNoRoom)
            {
                TransportResult result = unsent.IsEmpty ? transport.Flush() : transport.Send(unsent.Peek());
                if (result.IsOver) return Fail(transport.Failure);
                if (result.Count > 0) unsent.Advance(result.Count);
                _unflushed = result.Status == TransportStatus.Blocked;
                if (!_unflushed) continue;
            }

            IsDraining = true;
            bool isThere = await transport.WritableAsync();
            IsDraining = _hadNoRoom = false;
            if (!isThere) return Fail(transport.Failure);
        }

        return true;
    }

    /// <summary>Drops what waits.</summary>
    internal void Clear() => unsent.Clear();

    private bool Fail(ProxyFailure failure)
    {
        Failure = failure;
        return false;
    }
}

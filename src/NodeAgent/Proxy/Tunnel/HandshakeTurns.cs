using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>
/// Shares out the time that a loop spends on the handshakes of peers that have proven nothing: half of it at most, for somebody who sends a hello of 200 bytes has
/// this side make keys and sign. Beyond that they wait for their turn, one of each address after the other, so that a flood from one costs others one turn each.
/// Belongs to its loop's thread.
/// </summary>
/// <param name="loop">The loop.</param>
/// <param name="time">The clock.</param>
internal sealed class HandshakeTurns(EventLoop loop, TimeProvider time)
{
    private const double Share = 0.5;
    private static readonly TimeSpan MostSaved = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(1);

    private readonly Dictionary<SocketEndPoint, Queue<Waiter>> _bySource = [];
    private readonly Queue<SocketEndPoint> _order = new();
    private TimeSpan _credit = MostSaved;
    private long _counted = time.GetTimestamp();
    private LoopTimer? _timer;

    /// <summary>Connections that wait for their turn, some of which may have closed meanwhile.</summary>
    internal int Waiting { get; private set; }

    /// <summary>Waits for the turn of a connection whose peer has sent its hello. It may have been closed when this returns.</summary>
    /// <param name="source">The peer's address; its port is 0.</param>
    /// <param name="socket">The connection.</param>
    internal ValueTask<bool> WaitAsync(in SocketEndPoint source, LoopSocket socket)
    {
        Count();
        if (Waiting == 0 && _credit > TimeSpan.Zero) return new ValueTask<bool>(true);
        if (!_bySource.TryGetValue(source, out Queue<Waiter>? waiting))
        {
            _bySource.Add(source, waiting = new Queue<Waiter>());
            _order.Enqueue(source);
        }

        // Those that were given up while they waited are the oldest.
        while (waiting.TryPeek(out Waiter? oldest) && oldest.Socket.IsClosed) Release(waiting);
        Waiter waiter = new(socket);
        waiting.Enqueue(waiter);
        Waiting++;
        Schedule();
        return waiter.Turn.WaitAsync();
    }

    /// <summary>Counts time spent on the handshake of such a peer.</summary>
    internal void Charge(TimeSpan spent) => _credit -= spent;

    private void Serve()
    {
        Count();
        while (_credit > TimeSpan.Zero && _order.TryDequeue(out SocketEndPoint source))
        {
            Queue<Waiter> waiting = _bySource[source];
            if (waiting.Count == 1) _bySource.Remove(source);
            else _order.Enqueue(source);
            Release(waiting);
        }

        if (Waiting > 0) Schedule();
    }

    private void Release(Queue<Waiter> waiting)
    {
        Waiting--;
        waiting.Dequeue().Turn.Set(true);
    }

    private void Count()
    {
        long now = time.GetTimestamp();
        _credit += time.GetElapsedTime(_counted, now) * Share;
        if (_credit > MostSaved) _credit = MostSaved;
        _counted = now;
    }

    private void Schedule()
    {
        _timer ??= new LoopTimer(static state => ((HandshakeTurns)state!).Serve(), this);
        if (!_timer.IsScheduled) loop.Schedule(_timer, Pause);
    }

    private sealed record Waiter(LoopSocket Socket)
    {
        internal LoopSignal Turn { get; } = new();
    }
}

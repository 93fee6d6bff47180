using System.Diagnostics;
using Culvert.Interop;
using Culvert.Interop.Handles;
using Culvert.Interop.Netlink;
using Culvert.Interop.Sockets;

namespace Culvert.Labs;

/// <summary>
/// A wire between two interfaces on which packets take their time and get lost. It carries single frames, some 100,000 a second; what comes faster, or more than is
/// under way at once at that rate in 160 ms, gets lost, as on a link that is full. It ends with the process that made it, even when the lab is kept. Thread-safe.
/// </summary>
public sealed class LabWire : IDisposable
{
    private const int FramesPerTurn = 64;
    private const ulong NearToken = 0, FarToken = 1, StopToken = 2;

    private readonly TapDevice _near;
    private readonly TapDevice _far;
    private readonly EpollHandle _epoll = EpollHandle.Create();
    private readonly EventFdHandle _stop = EventFdHandle.Create();
    private readonly EpollBuffer _events = new(3);
    private readonly FrameQueue _toFar;
    private readonly FrameQueue _toNear;
    private readonly Random _chance = new(1);
    private readonly Thread _thread;
    private readonly long _delay;
    private double _loss;
    private bool _stopping;

    /// <summary>Joins two interfaces; it owns them.</summary>
    /// <param name="near">One end.</param>
    /// <param name="far">The other.</param>
    /// <param name="mtu">Largest packet on either, in bytes.</param>
    /// <param name="options">What happens on the way.</param>
    internal LabWire(TapDevice near, TapDevice far, int mtu, LabWireOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(options.Delay.Ticks, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Delay, TimeSpan.FromMinutes(1), nameof(options));
        if (options.Loss is not (>= 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(options), options.Loss, "The share of packets that get lost is between 0 and 1.");
        _near = near;
        _far = far;
        _delay = (long)(options.Delay.TotalSeconds * Stopwatch.Frequency);
        _loss = options.Loss;
        _toFar = new FrameQueue(mtu);
        _toNear = new FrameQueue(mtu);
        Watch(near, NearToken);
        Watch(far, FarToken);
        Watch(_stop, StopToken);
        _thread = new Thread(Run) { Name = "lab-wire", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Share of packets that get lost from now on, 0 to 1; 1 cuts the wire.</summary>
    public double Loss
    {
        get => Volatile.Read(ref _loss);
        set => Volatile.Write(ref _loss, value);
    }

    /// <summary>Takes the wire and its interfaces away.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _stopping, true)) return;
        _stop.Signal();
        _thread.Join();
        _near.Dispose();
        _far.Dispose();
        _epoll.Dispose();
        _stop.Dispose();
    }

    private void Watch(FileDescriptorHandle descriptor, ulong token)
    {
        var error = _epoll.Add(descriptor, EpollEvents.Readable, token);
        if (error != SocketErrno.None) throw new KernelException("watch an end of a wire", (int)error);
    }

    private void Run()
    {
        while (!Volatile.Read(ref _stopping))
        {
            int count = _epoll.Wait(_events, MillisecondsToNext());
            for (int i = 0; i < count; i++)
            {
                _ = _events.Get(i, out ulong token);
                if (token == NearToken) Take(_near, _toFar);
                else if (token == FarToken) Take(_far, _toNear);
            }

            Deliver(_toFar, _far);
            Deliver(_toNear, _near);
        }
    }

    private int MillisecondsToNext()
    {
        long due = Math.Min(_toFar.NextDue, _toNear.NextDue);
        if (due == long.MaxValue) return -1;
        long left = due - Stopwatch.GetTimestamp();
        return left <= 0 ? 0 : (int)((left * 1000 / Stopwatch.Frequency) + 1);
    }

    private void Take(TapDevice from, FrameQueue queue)
    {
        double loss = Loss;
        for (int i = 0; i < FramesPerTurn; i++)
        {
            IoResult frame = from.Read(queue.Room);
            if (!frame.Succeeded) return;
            if (loss == 0 || _chance.NextDouble() >= loss) queue.Add(frame.Count, Stopwatch.GetTimestamp() + _delay);
        }
    }

    // An interface that is down, or full, loses what comes.
    private static void Deliver(FrameQueue queue, TapDevice to)
    {
        long now = Stopwatch.GetTimestamp();
        while (queue.NextDue <= now)
        {
            _ = to.Write(queue.Next);
            queue.Remove();
        }
    }
}

using System.Collections.Concurrent;
using Culvert.Core;
using Culvert.Interop;
using Culvert.Interop.Handles;
using Culvert.Interop.Netlink;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Loop;

/// <summary>
/// One thread with one epoll instance. A turn: wait, hand events to their sources, run posted work, run deferred waiters, fire
/// timers, then flush what gathered output, so that the output of many connections shares records and system calls.
/// </summary>
/// <remarks>Only <see cref="Post(Action)"/>, <see cref="InvokeAsync{T}"/> and <see cref="Dispose"/> may be called from other threads.</remarks>
internal sealed class EventLoop : IDisposable
{
    private readonly EpollHandle _epoll = EpollHandle.Create();
    private readonly EventFdHandle _wake = EventFdHandle.Create();
    private readonly EpollBuffer _events;
    private readonly EventSourceTable _sources = new();
    private readonly ConcurrentQueue<Action> _posted = new();
    private readonly TimeProvider _time;
    private readonly ILoopObserver? _observer;
    private readonly Thread _thread;
    private readonly int _nice;
    private readonly List<IFlushable> _flushables = [];
    private readonly List<IFlushable> _flushedNextTurn = [];
    private Queue<LoopSignal> _deferred = new();
    private Queue<LoopSignal> _running = new();
    private volatile bool _stopping;
    private int _asleep;
    private readonly BusyPoll _busyPoll;
    private readonly Func<bool> _interrupted;
    private ulong _last;
    private HomeNamespace? _home;

    /// <summary>Makes a loop; it runs after <see cref="Start"/>.</summary>
    internal EventLoop(int index, EventLoopOptions options, TimeProvider time, ILoopObserver? observer = null)
    {
        Index = index;
        _time = time;
        _observer = observer;
        _nice = options.Nice;
        _busyPoll = new BusyPoll(time, options.LongestBusyPoll);
        _interrupted = () => !_posted.IsEmpty || _stopping;
        _events = new EpollBuffer(options.EventBatch);
        Buffers = new BufferPool(options.MaxBufferedBytes, options.MaxIdleBytes);
        Scratch = GC.AllocateUninitializedArray<byte>(options.ScratchBytes, pinned: true);
        Joined = GC.AllocateUninitializedArray<byte>(options.ScratchBytes, pinned: true);
        NowMilliseconds = ReadClock();
        Timers = new TimerWheel(NowMilliseconds);
        SocketErrno error = _epoll.Add(_wake, EpollEvents.Readable | EpollEvents.EdgeTriggered, ulong.MaxValue);
        if (error != SocketErrno.None) throw new KernelException("watch a loop's wake-up descriptor", (int)error);
        _thread = new Thread(Run) { Name = $"culvert-loop-{index}", IsBackground = true };
    }

    /// <summary>Which loop this is, from 0.</summary>
    internal int Index { get; }

    /// <summary>Buffers for bytes that have to wait.</summary>
    internal BufferPool Buffers { get; }

    /// <summary>One buffer for whoever runs: valid until the next await.</summary>
    internal byte[] Scratch { get; }

    /// <summary>Another one, for what is put together while <see cref="Scratch"/> may hold what is being read: whoever waits for a stream's bytes goes on in the middle of that.</summary>
    internal byte[] Joined { get; }

    /// <summary>Lists for heads of requests that are kept.</summary>
    internal HeadPool Heads { get; } = new();

    /// <summary>Buffers for what is put together in pieces.</summary>
    internal GatherBuffers Gathering { get; } = new();

    /// <summary>Timers of this loop.</summary>
    internal TimerWheel Timers { get; }

    /// <summary>Monotonic time of this turn, in milliseconds.</summary>
    internal long NowMilliseconds { get; private set; }

    /// <summary>Sources registered.</summary>
    internal int SourceCount => _sources.Count;

    /// <summary>Whether the caller is on this loop's thread.</summary>
    internal bool IsCurrent => Environment.CurrentManagedThreadId == _thread.ManagedThreadId;

    /// <summary>Starts the thread.</summary>
    internal void Start() => _thread.Start();

    /// <summary>Runs work on the loop's thread soon; in order. Work posted after the end is dropped.</summary>
    internal void Post(Action work)
    {
        _posted.Enqueue(work);
        if (Interlocked.Exchange(ref _asleep, 0) == 1) _wake.Signal();
    }

    /// <summary>Runs work on the loop's thread and returns its result; the continuation runs elsewhere.</summary>
    internal Task<T> InvokeAsync<T>(Func<T> work)
    {
        TaskCompletionSource<T> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(() =>
        {
            try
            {
                done.SetResult(work());
            }
            catch (Exception exception)
            {
                done.SetException(exception);
            }
        });
        return done.Task;
    }

    /// <summary>Watches a descriptor for the given events.</summary>
    /// <returns>None, or why the kernel refused.</returns>
    internal SocketErrno Register(EventSource source, FileDescriptorHandle descriptor, EpollEvents events)
    {
        ulong token = _sources.Add(source);
        SocketErrno error = _epoll.Add(descriptor, events, token);
        if (error != SocketErrno.None) _sources.Remove(source);
        return error;
    }

    /// <summary>Forgets a source whose descriptor is about to be closed.</summary>
    internal void Unregister(EventSource source) => _sources.Remove(source);

    /// <summary>Forgets a source whose descriptor stays open.</summary>
    internal void Unregister(EventSource source, FileDescriptorHandle descriptor)
    {
        if (source.Slot < 0) return;
        _sources.Remove(source);
        _ = _epoll.Remove(descriptor);
    }

    /// <summary>Has <see cref="IFlushable.Flush"/> called at the end of this turn, once.</summary>
    internal void ScheduleFlush(IFlushable flushable)
    {
        if (flushable.IsFlushScheduled) return;
        flushable.IsFlushScheduled = true;
        _flushables.Add(flushable);
    }

    /// <summary>Has <see cref="IFlushable.Flush"/> called at the end of the next turn: others go first.</summary>
    internal void ScheduleFlushNextTurn(IFlushable flushable)
    {
        if (flushable.IsFlushScheduled) return;
        flushable.IsFlushScheduled = true;
        _flushedNextTurn.Add(flushable);
    }

    /// <summary>Lets other work of the loop go first.</summary>
    /// <param name="signal">The waiter's own signal, not in use.</param>
    internal ValueTask<bool> YieldAsync(LoopSignal signal)
    {
        ValueTask<bool> wait = signal.WaitAsync();
        _deferred.Enqueue(signal);
        return wait;
    }

    /// <summary>Puts the loop's thread into another network namespace, for as long as it takes to make a socket there; nothing may be awaited meanwhile.</summary>
    /// <param name="target">Where to; null: it stays where it is.</param>
    /// <param name="error">None, or why it is where it was.</param>
    internal HomeNamespace.Visit Enter(NetworkNamespace? target, out SocketErrno error)
    {
        error = SocketErrno.None;
        if (target is null) return default;
        try
        {
            _home ??= HomeNamespace.OfThisThread();
        }
        catch (KernelException exception)
        {
            error = (SocketErrno)exception.Errno;
            return default;
        }

        return _home.Enter(target, out error);
    }

    /// <summary>Schedules a timer relative to this turn's time.</summary>
    internal void Schedule(LoopTimer timer, TimeSpan delay) => Timers.Schedule(timer, ReadClock(), delay);

    /// <summary>Stops the thread and waits for its end. Sources still registered are not closed.</summary>
    public void Dispose()
    {
        if (_stopping) return;
        _stopping = true;
        if (_thread.IsAlive)
        {
            _wake.Signal();
            if (!IsCurrent) _thread.Join();
        }

        _epoll.Dispose();
        _wake.Dispose();
        Buffers.Dispose();
        _home?.Dispose();
    }

    /// <summary>Reports what code on this loop threw.</summary>
    internal void ReportFault(Exception exception) => _observer?.OnLoopFault(Index, exception);

    private void Run()
    {
        SetPriority();
        using ThreadStripe stripe = ThreadStripe.Claim();
        int count = 0;
        while (!_stopping)
        {
            count = Wait(mayPoll: count > 0);
            long started = _time.GetTimestamp();
            NowMilliseconds = ToMilliseconds(started);
            try
            {
                Dispatch(count);
                RunPosted();
                RunDeferred();
                Timers.Advance(NowMilliseconds);
                FlushAll();
            }
            catch (Exception exception)
            {
                // A bug in one connection must not end all others; whoever observes logs and counts it.
                ReportFault(exception);
            }

            long worked = _time.GetTimestamp() - started;
            _busyPoll.Worked(worked);
            _observer?.OnLoopTurn(Index, _time.GetElapsedTime(0, worked), count);
        }
    }

    private void SetPriority()
    {
        if (_nice == 0) return;
        try
        {
            Interop.KernelThread.SetNice(_nice);
        }
        catch (KernelException exception)
        {
            ReportFault(exception);
        }
    }

    private int Wait(bool mayPoll)
    {
        if (_deferred.Count > 0 || _flushables.Count > 0) return _epoll.Wait(_events, 0);
        if (!mayPoll) return Sleep();
        if (_busyPoll.Poll(_epoll, _events, _interrupted, _last) is > 0 and int found) return found;
        int count = Sleep();
        _busyPoll.Slept();
        return count;
    }

    private int Sleep()
    {
        int timeout = Timers.MillisecondsToNext(ReadClock());
        Interlocked.Exchange(ref _asleep, 1);
        if (!_posted.IsEmpty || _stopping) timeout = 0;
        int count = _epoll.Wait(_events, timeout);
        Volatile.Write(ref _asleep, 0);
        return count;
    }

    private void Dispatch(int count)
    {
        for (int i = 0; i < count; i++)
        {
            EpollEvents events = _events.Get(i, out ulong token);
            if (token == ulong.MaxValue) continue;
            _last = token;
            try
            {
                _sources.Find(token)?.OnReady(events);
            }
            catch (Exception exception)
            {
                ReportFault(exception);
            }
        }
    }

    private void RunPosted()
    {
        // Bounded by what is there now: work that posts more work must not starve sockets.
        for (int left = _posted.Count; left > 0 && _posted.TryDequeue(out Action? work); left--)
        {
            try
            {
                work();
            }
            catch (Exception exception)
            {
                ReportFault(exception);
            }
        }
    }

    private void RunDeferred()
    {
        if (_deferred.Count == 0) return;
        (_running, _deferred) = (_deferred, _running);
        while (_running.TryDequeue(out LoopSignal? signal)) signal.Set(true);
    }

    private void FlushAll()
    {
        // Flushing may wake relays that gather more output: those are flushed in the same pass.
        for (int i = 0; i < _flushables.Count; i++)
        {
            IFlushable flushable = _flushables[i];
            flushable.IsFlushScheduled = false;
            flushable.Flush();
        }

        _flushables.Clear();
        _flushables.AddRange(_flushedNextTurn);
        _flushedNextTurn.Clear();
    }

    private long ReadClock() => ToMilliseconds(_time.GetTimestamp());

    private long ToMilliseconds(long timestamp) => (long)(timestamp * 1000.0 / _time.TimestampFrequency);
}

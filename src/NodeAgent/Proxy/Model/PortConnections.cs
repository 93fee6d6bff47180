namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>How many connections this node has to backends of one Service port for requests, and who waits to make one. Whoever waited longest is next. Thread-safe.</summary>
internal sealed class PortConnections
{
    private readonly Lock _lock = new();
    private readonly LinkedList<Action> _waiting = new();
    private readonly LinkedList<Action> _idle = new();
    private readonly LinkedList<Action> _all = new();
    private volatile int _most;
    private volatile int _waitingCount;
    private int _count;

    /// <summary>Begins with none.</summary>
    /// <param name="most">The most that there may be.</param>
    internal PortConnections(int most)
    {
        _most = most;
        Released = Release;
    }

    /// <summary>The most that there may be; where it is lowered, those that are too many end when nobody uses them.</summary>
    internal int Most
    {
        set
        {
            List<Action> called = [];
            lock (_lock)
            {
                bool wasLimited = IsLimited;
                _most = value;
                while (_count < _most && _waiting.First is { } first)
                {
                    _count++;
                    called.Add(first.Value);
                    _waiting.Remove(first);
                }

                _waitingCount = _waiting.Count;
                for (int tooMany = _count - _most; tooMany > 0 && TakeIdle() is { } end; tooMany--) called.Add(end);
                if (!wasLimited && IsLimited) called.AddRange(_all); // which of them are used by nobody was not told until now
            }

            foreach (Action call in called) call();
        }
    }

    /// <summary>Whether there may be only so many.</summary>
    internal bool IsLimited => _most != int.MaxValue;

    /// <summary>Whether anybody waits, or there are too many: what nobody uses has to end then.</summary>
    internal bool IsWanted => _waitingCount > 0 || Volatile.Read(ref _count) > _most;

    /// <summary>How many there are, and are being made.</summary>
    internal int Count
    {
        get
        {
            lock (_lock) return _count;
        }
    }

    /// <summary>Whether there is a place just now; others may take it in the next moment.</summary>
    internal bool HasRoom
    {
        get
        {
            lock (_lock) return _count < _most;
        }
    }

    /// <summary>Gives one place back; always the same object.</summary>
    internal Action Released { get; }

    /// <summary>Takes a place.</summary>
    /// <returns>False when there is none.</returns>
    internal bool TryTake()
    {
        lock (_lock)
        {
            if (_count >= _most) return false;
            _count++;
            return true;
        }
    }

    /// <summary>Takes a place, or waits for one; a connection that nobody uses ends for it, where there is one.</summary>
    /// <param name="granted">Called once, on any thread, when there is a place, which has been taken then.</param>
    /// <returns>The place in the queue; null: there was one at once.</returns>
    internal LinkedListNode<Action>? TakeOrWait(Action granted)
    {
        Action? idle;
        LinkedListNode<Action> waiting;
        lock (_lock)
        {
            if (_count < _most)
            {
                _count++;
                return null;
            }

            waiting = _waiting.AddLast(granted);
            _waitingCount = _waiting.Count;
            idle = TakeIdle();
        }

        idle?.Invoke();
        return waiting;
    }

    /// <summary>Does not wait any more.</summary>
    /// <returns>False when it was given a place meanwhile.</returns>
    internal bool Leave(LinkedListNode<Action> waiting)
    {
        lock (_lock)
        {
            if (waiting.List is null) return false;
            _waiting.Remove(waiting);
            _waitingCount = _waiting.Count;
            return true;
        }
    }

    /// <summary>A connection was made that has a place.</summary>
    /// <param name="limited">Called on any thread when there may be only so many from now on: if nobody uses it, that is to be told (<see cref="OnIdle"/>).</param>
    /// <returns>What is to be given to <see cref="OnGone"/>.</returns>
    internal LinkedListNode<Action> OnMade(Action limited)
    {
        lock (_lock) return _all.AddLast(limited);
    }

    /// <summary>It is over; its place is given back by itself.</summary>
    internal void OnGone(LinkedListNode<Action> made)
    {
        lock (_lock) _all.Remove(made);
    }

    /// <summary>A connection is used by nobody.</summary>
    /// <param name="end">Called once at most, on any thread: it is to end if nobody uses it still.</param>
    /// <returns>What is to be given to <see cref="OnUsed"/>; null: somebody waits, and it is to end at once.</returns>
    internal LinkedListNode<Action>? OnIdle(Action end)
    {
        lock (_lock) return _waiting.Count > 0 || _count > _most ? null : _idle.AddLast(end);
    }

    /// <summary>It is used again, or has ended.</summary>
    internal void OnUsed(LinkedListNode<Action> idle)
    {
        lock (_lock)
        {
            if (idle.List is not null) _idle.Remove(idle);
        }
    }

    // How one ends that nobody uses; null: there is none.
    private Action? TakeIdle()
    {
        if (_idle.First is not { } first) return null;
        _idle.Remove(first);
        return first.Value;
    }

    private void Release()
    {
        LinkedListNode<Action>? next;
        lock (_lock)
        {
            next = _count <= _most ? _waiting.First : null;
            if (next is null) _count--;
            else _waiting.Remove(next);
            _waitingCount = _waiting.Count;
        }

        next?.Value();
    }
}

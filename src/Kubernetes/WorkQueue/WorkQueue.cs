using System.Threading.Channels;
using Culvert.Kubernetes.Metrics;

namespace Culvert.Kubernetes.WorkQueue;

/// <summary>
/// Items to be worked on: each is in it once, however often it is added, and nobody is given one that somebody works on. One that is added meanwhile comes again afterwards.
/// Safe for use by many threads.
/// </summary>
/// <typeparam name="TItem">What is worked on, compared by value; a <see cref="Resources.ResourceName"/> for example.</typeparam>
public sealed class WorkQueue<TItem> : IDisposable
    where TItem : notnull
{
    private const int MostDoublings = 40;

    private readonly string _name;
    private readonly WorkQueueOptions _options;
    private readonly KubernetesMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly Channel<TItem> _ready = Channel.CreateUnbounded<TItem>();

    // To be worked on, with when they came: those in the channel, and those that come again when who works on them is done.
    private readonly Dictionary<TItem, long> _wanted = [];
    private readonly Dictionary<TItem, long> _taken = [];
    private readonly Dictionary<TItem, DelayedAdd> _delayed = [];
    private readonly Dictionary<TItem, int> _failures = [];
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isClosed;

    /// <param name="name">What it is called in metrics.</param>
    /// <param name="options">How patient it is.</param>
    /// <param name="metrics">Where it is counted.</param>
    /// <param name="time">The clock.</param>
    public WorkQueue(string name, WorkQueueOptions options, KubernetesMetrics metrics, TimeProvider time) => (_name, _options, _metrics, _time) = (name, options, metrics, time);

    /// <summary>How many wait to be taken.</summary>
    public int Count
    {
        get
        {
            lock (_lock) return _wanted.Keys.Count(i => !_taken.ContainsKey(i));
        }
    }

    /// <summary>Adds an item. Does nothing when it waits already, and after <see cref="Close"/>.</summary>
    public void Add(TItem item)
    {
        lock (_lock)
        {
            if (_isClosed || !_wanted.TryAdd(item, _time.GetTimestamp())) return;
            _metrics.QueueAdded(_name);
            if (!_taken.ContainsKey(item)) Offer(item);
        }
    }

    /// <summary>Adds an item after some time; when it is to be added sooner already, then.</summary>
    public void AddAfter(TItem item, TimeSpan delay)
    {
        if (delay <= TimeSpan.Zero)
        {
            Add(item);
            return;
        }
        lock (_lock)
        {
            if (_isClosed) return;
            long due = _time.GetTimestamp() + (long)(delay.TotalSeconds * _time.TimestampFrequency);
            if (_delayed.TryGetValue(item, out DelayedAdd? other))
            {
                if (other.Due <= due) return;
                other.Dispose();
            }
            var add = new DelayedAdd(due);
            _delayed[item] = add;
            add.Timer = _time.CreateTimer(_ => AddNow(item, add), null, delay, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Adds an item whose work failed, after a time that doubles with each failure until <see cref="Forget"/>.</summary>
    /// <param name="item">The item.</param>
    /// <param name="atLeast">The shortest wait, where somebody asks for one.</param>
    public void AddFailed(TItem item, TimeSpan? atLeast = null)
    {
        TimeSpan delay;
        lock (_lock)
        {
            int failures = _failures.GetValueOrDefault(item);
            _failures[item] = Math.Min(failures + 1, MostDoublings);
            delay = TimeSpan.FromSeconds(Math.Min(_options.LongestDelay.TotalSeconds, _options.FirstDelay.TotalSeconds * Math.Pow(2, failures)));
        }
        _metrics.QueueRetried(_name);
        AddAfter(item, atLeast > delay ? atLeast.Value : delay);
    }

    /// <summary>Its work went well: its next failure is a first one.</summary>
    public void Forget(TItem item)
    {
        lock (_lock) _failures.Remove(item);
    }

    /// <summary>How often its work has failed in a row.</summary>
    public int Failures(TItem item)
    {
        lock (_lock) return _failures.GetValueOrDefault(item);
    }

    /// <summary>Takes the item that waits longest, or waits for one. <see cref="Done"/> has to follow.</summary>
    /// <returns>Whether there is one; false after <see cref="Close"/>, when all have been taken.</returns>
    public async ValueTask<(bool IsTaken, TItem Item)> TakeAsync(CancellationToken cancellationToken)
    {
        while (await _ready.Reader.WaitToReadAsync(cancellationToken))
        {
            lock (_lock)
            {
                if (!_ready.Reader.TryRead(out TItem? item)) continue;
                long now = _time.GetTimestamp();
                _wanted.Remove(item, out long since);
                _taken.Add(item, now);
                _metrics.QueueDepth(_name, -1);
                _metrics.QueueTaken(_name, _time.GetElapsedTime(since, now));
                return (true, item);
            }
        }
        return (false, default!);
    }

    /// <summary>Nobody works on it any more.</summary>
    public void Done(TItem item)
    {
        lock (_lock)
        {
            if (!_taken.Remove(item, out long since)) return;
            _metrics.QueueDone(_name, _time.GetElapsedTime(since));
            if (_wanted.ContainsKey(item)) Offer(item);
            EndWhenDrained();
        }
    }

    /// <summary>Nothing is added any more, nor what waits for its time; what is in it is still given out.</summary>
    /// <returns>Ends when all was taken and done.</returns>
    public Task Close()
    {
        lock (_lock)
        {
            _isClosed = true;
            foreach (DelayedAdd add in _delayed.Values) add.Dispose();
            _delayed.Clear();
            EndWhenDrained();
        }
        return _drained.Task;
    }

    /// <summary>Ends what waits for its time.</summary>
    public void Dispose() => _ = Close();

    private void AddNow(TItem item, DelayedAdd add)
    {
        lock (_lock)
        {
            // Another took its place in between.
            if (!_delayed.TryGetValue(item, out DelayedAdd? current) || current != add) return;
            _delayed.Remove(item);
            add.Dispose();
        }
        Add(item);
    }

    private void Offer(TItem item)
    {
        _ready.Writer.TryWrite(item);
        _metrics.QueueDepth(_name, 1);
    }

    private void EndWhenDrained()
    {
        if (!_isClosed) return;
        // Those that come again have to be offered before.
        if (!_taken.Keys.Any(_wanted.ContainsKey)) _ready.Writer.TryComplete();
        if (_taken.Count == 0 && _wanted.Count == 0) _drained.TrySetResult();
    }
}

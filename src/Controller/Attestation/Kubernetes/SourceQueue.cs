using System.Net;

namespace Culvert.Controller.Attestation.Kubernetes;

/// <summary>
/// Lets a few in at a time, and fairly by the address that they come from: next is who waits longest of the address that has fewest in, and of several such addresses the one that was served longest ago. Whoever asks very often is in
/// nobody's way but its own. Safe for any number of threads.
/// </summary>
/// <param name="atOnce">Most that are in.</param>
/// <param name="mostWaiting">Most of an address that wait.</param>
internal sealed class SourceQueue(int atOnce, int mostWaiting)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<IPAddress, Source> _sources = [];
    private int _in;
    private long _served;

    /// <summary>Addresses that somebody is in of, or waits.</summary>
    public int Count
    {
        get
        {
            lock (_lock) return _sources.Count;
        }
    }

    /// <summary>Waits to be let in; disposing what is returned leaves. Null: too many of the address wait already.</summary>
    /// <param name="address">Where it comes from.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<IDisposable?> EnterAsync(IPAddress address, CancellationToken cancellationToken)
    {
        Place place;
        lock (_lock)
        {
            // Who comes anew comes behind those that wait: else who comes again and again would come before.
            if (!_sources.TryGetValue(address, out Source? source)) _sources.Add(address, source = new(address) { ServedAt = ++_served });
            if (source.Waiting.Count >= mostWaiting) return null;
            place = new(this, source);
            source.Waiting.AddLast(place.Node);
            Serve();
        }
        try
        {
            await place.Entered.Task.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            place.Dispose();
            throw;
        }
        return place;
    }

    private void Leave(Place place)
    {
        lock (_lock)
        {
            Source source = place.Source;
            if (place.Node.List is not null)
            {
                source.Waiting.Remove(place.Node);
            }
            else
            {
                source.In--;
                _in--;
            }
            Serve();
            if (source.In == 0 && source.Waiting.Count == 0) _sources.Remove(source.Address);
        }
    }

    private void Serve()
    {
        while (_in < atOnce && _sources.Values.Where(s => s.Waiting.Count > 0).OrderBy(s => s.In).ThenBy(s => s.ServedAt).FirstOrDefault() is { } next)
        {
            Place first = next.Waiting.First!.Value;
            next.Waiting.RemoveFirst();
            next.In++;
            next.ServedAt = ++_served;
            _in++;
            first.Entered.SetResult();
        }
    }

    private sealed class Source(IPAddress address)
    {
        public IPAddress Address => address;

        public LinkedList<Place> Waiting { get; } = [];

        public int In { get; set; }

        public long ServedAt { get; set; }
    }

    private sealed class Place : IDisposable
    {
        private readonly SourceQueue _queue;
        private int _isOver;

        public Place(SourceQueue queue, Source source)
        {
            (_queue, Source) = (queue, source);
            Node = new(this);
        }

        public Source Source { get; }

        public LinkedListNode<Place> Node { get; }

        public TaskCompletionSource Entered { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isOver, 1) == 0) _queue.Leave(this);
        }
    }
}

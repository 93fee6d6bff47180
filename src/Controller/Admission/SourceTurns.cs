using System.Net;

namespace Culvert.Controller.Admission;

/// <summary>Lets one of each address in at a time; the others of it wait for each other. Safe for any number of threads.</summary>
internal sealed class SourceTurns
{
    private readonly Lock _lock = new();
    private readonly Dictionary<IPAddress, Source> _sources = [];

    /// <summary>Addresses that somebody is in of, or waits.</summary>
    public int Count
    {
        get
        {
            lock (_lock) return _sources.Count;
        }
    }

    /// <summary>Waits for the turn of an address; disposing what is returned ends it.</summary>
    /// <param name="address">Whose.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<IDisposable> TakeAsync(IPAddress address, CancellationToken cancellationToken)
    {
        Source? source;
        lock (_lock)
        {
            if (!_sources.TryGetValue(address, out source)) _sources.Add(address, source = new());
            source.Users++;
        }
        try
        {
            await source.One.WaitAsync(cancellationToken);
            return new Turn(this, address, source);
        }
        catch (OperationCanceledException)
        {
            Leave(address);
            throw;
        }
    }

    private void Leave(IPAddress address)
    {
        lock (_lock)
        {
            if (--_sources[address].Users == 0) _sources.Remove(address);
        }
    }

    private sealed class Source
    {
        // Needs no Dispose: only its AvailableWaitHandle, which nobody uses, would.
        public SemaphoreSlim One { get; } = new(1);

        public int Users { get; set; }
    }

    private sealed class Turn(SourceTurns turns, IPAddress address, Source source) : IDisposable
    {
        private int _isOver;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isOver, 1) != 0) return;
            source.One.Release();
            turns.Leave(address);
        }
    }
}

namespace Culvert.Core;

/// <summary>Gives the current thread a number of its own among those that update <see cref="StripedSums"/>, from 1, until it is disposed. Claim it on long-lived threads that update often.</summary>
public sealed class ThreadStripe : IDisposable
{
    private static readonly Lock Guard = new();
    private static readonly List<bool> Claimed = [true]; // 0 stands for all threads without a stripe

    [ThreadStatic]
    private static int _current;

    private ThreadStripe()
    {
    }

    /// <summary>The stripe of the current thread; 0: it has none.</summary>
    internal static int Current => _current;

    /// <summary>Claims the lowest free stripe for the current thread. Dispose it on the same thread, before the thread ends.</summary>
    /// <exception cref="InvalidOperationException">The thread has one already.</exception>
    public static ThreadStripe Claim()
    {
        if (_current != 0) throw new InvalidOperationException("the thread has a stripe already");
        lock (Guard)
        {
            int free = Claimed.IndexOf(false);
            if (free < 0)
            {
                free = Claimed.Count;
                Claimed.Add(true);
            }

            Claimed[free] = true;
            _current = free;
        }

        return new ThreadStripe();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_current == 0) return;
        lock (Guard) Claimed[_current] = false;
        _current = 0;
    }
}

namespace Culvert.Kubernetes.Watches;

/// <summary>
/// How long to wait before the next attempt: twice as long after each failure, up to a limit, of which a random part between half and all is taken, so that clients
/// which failed together don't come back together. Not safe for use by several threads.
/// </summary>
internal sealed class Backoff(TimeSpan first, TimeSpan longest, Random random)
{
    private const int MostDoublings = 30;
    private int _failures;

    /// <summary>The next wait; at least what the server asks for, and then a part of the own on top.</summary>
    public TimeSpan Next(TimeSpan? atLeast = null)
    {
        double whole = Math.Min(longest.TotalSeconds, first.TotalSeconds * Math.Pow(2, _failures));
        TimeSpan wait = TimeSpan.FromSeconds(whole * (0.5 + (random.NextDouble() / 2)));
        _failures = Math.Min(_failures + 1, MostDoublings);
        return atLeast is { } least && least > TimeSpan.Zero ? least + (wait / 2) : wait;
    }

    /// <summary>It went well.</summary>
    public void Reset() => _failures = 0;
}

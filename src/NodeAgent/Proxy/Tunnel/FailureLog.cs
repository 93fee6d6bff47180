using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>
/// Decides which failures are logged: one per peer address and interval, over all loops. Bounded: the table is emptied when it is full.
/// Thread-safe; asked only when something failed.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="interval">Between two log lines on one peer.</param>
internal sealed class FailureLog(TimeProvider time, TimeSpan interval)
{
    private const int MaxPeers = 4096;
    private readonly Lock _lock = new();
    private readonly Dictionary<SocketEndPoint, (long Since, int Suppressed)> _failures = [];

    /// <summary>Whether to log this one, and how many of the same peer were not since the last that was.</summary>
    internal (bool Log, int Suppressed) Next(in SocketEndPoint peer)
    {
        SocketEndPoint key = peer.WithPort(0);
        lock (_lock)
        {
            bool known = _failures.TryGetValue(key, out (long Since, int Suppressed) last);
            bool log = !known || time.GetElapsedTime(last.Since) >= interval;
            if (!known && _failures.Count >= MaxPeers) _failures.Clear();
            _failures[key] = log ? (time.GetTimestamp(), 0) : (last.Since, last.Suppressed + 1);
            return (log, last.Suppressed);
        }
    }
}

using Culvert.Core;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>What requests of this node say of one backend of a Service port: how many have failed in a row, and until when it is left out for that. Thread-safe; outlives snapshots.</summary>
/// <param name="port">The Service port.</param>
/// <param name="address">The backend's address and port.</param>
internal sealed class BackendRequests(PortRequests port, SocketEndPoint address)
{
    // Where all fail, and no more may be left out, that is not found out again for each request.
    private const int MillisecondsBetweenTries = 1000;

    private int _errors;
    private long _outUntil = long.MinValue;
    private long _triedAt = long.MinValue;
    private TimeSpan _lastTime;

    /// <summary>The Service port.</summary>
    internal PortRequests Port => port;

    /// <summary>The backend's address and port.</summary>
    internal SocketEndPoint Address => address;

    /// <summary>All backends of the port that clients of the same family are given, this one among them; replaced with each snapshot that is in force.</summary>
    internal BackendRequests[] Siblings { private get; set => Volatile.Write(ref field, value); } = [];

    /// <summary>Whether it is left out now.</summary>
    internal bool IsOut => port.Settings.Outliers is not null && Volatile.Read(ref _outUntil) > port.Now;

    /// <summary>A try is over, or its response has come.</summary>
    internal void Report(TryOutcome outcome)
    {
        if (outcome == TryOutcome.Unknown || port.Settings.Outliers is not { } outliers) return;
        if (outcome == TryOutcome.Good)
        {
            if (Volatile.Read(ref _errors) != 0) Volatile.Write(ref _errors, 0);
            return;
        }

        // What was on its way when it was left out says nothing of the time after.
        long now = port.Now;
        if (Volatile.Read(ref _outUntil) > now) return;
        if (Interlocked.Increment(ref _errors) >= outliers.ConsecutiveErrors && Volatile.Read(ref _triedAt) <= now - MillisecondsBetweenTries) Eject(outliers, now);
    }

    // Each time that follows the last at once is longer: a backend that is still broken costs fewer and fewer requests.
    private void Eject(OutlierDetection outliers, long now)
    {
        TimeSpan time;
        lock (port.Ejecting)
        {
            if (_outUntil > now) return;
            BackendRequests[] all = Siblings;
            int most = outliers.MaxEjectionPercent == 100 ? all.Length : Math.Min(all.Length - 1, Math.Max(1, all.Length * outliers.MaxEjectionPercent / 100));
            if (all.Count(b => b._outUntil > now) >= most)
            {
                Volatile.Write(ref _triedAt, now);
                return;
            }

            bool isRelapse = _outUntil != long.MinValue && now - _outUntil < (long)_lastTime.TotalMilliseconds;
            time = (isRelapse ? _lastTime : TimeSpan.Zero) + outliers.EjectionTime;
            if (time > OutlierDetection.LongestEjection) time = OutlierDetection.LongestEjection;
            _lastTime = time;
            Volatile.Write(ref _errors, 0);
            Volatile.Write(ref _outUntil, now + (long)time.TotalMilliseconds);
        }

        port.OnEjected(this, time);
    }
}

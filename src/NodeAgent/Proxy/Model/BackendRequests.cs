using Culvert.Core;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>What requests of this node say of one backend of a Service port: how many have failed in a row, and until when it is left out for that. Thread-safe; outlives snapshots.</summary>
/// <param name="port">The Service port.</param>
/// <param name="address">The backend's address and port.</param>
internal sealed class BackendRequests(PortRequests port, SocketEndPoint address)
{
    private int _errors;
    private long _outUntil = long.MinValue;
    private TimeSpan _lastTime;

    /// <summary>The Service port.</summary>
    internal PortRequests Port => port;

    /// <summary>The backend's address and port.</summary>
    internal SocketEndPoint Address => address;

    /// <summary>All backends of the port that clients of the same family are given, this one among them; replaced with each snapshot.</summary>
    internal BackendRequests[] Siblings { private get; set => Volatile.Write(ref field, value); } = [];

    /// <summary>Whether it is left out now.</summary>
    internal bool IsOut => port.Settings.Outliers is not null && Volatile.Read(ref _outUntil) > port.Now;

    /// <summary>A try is over.</summary>
    internal void Report(TryOutcome outcome)
    {
        if (outcome == TryOutcome.Unknown || port.Settings.Outliers is not { } outliers) return;
        if (outcome == TryOutcome.Good)
        {
            if (Volatile.Read(ref _errors) != 0) Volatile.Write(ref _errors, 0);
        }
        else if (Interlocked.Increment(ref _errors) >= outliers.ConsecutiveErrors && !IsOut)
        {
            Eject(outliers);
        }
    }

    // Each time that follows the last at once is longer: a backend that is still broken costs fewer and fewer requests.
    private void Eject(OutlierDetection outliers)
    {
        TimeSpan time;
        lock (port.Ejecting)
        {
            long now = port.Now;
            if (Volatile.Read(ref _outUntil) > now) return;
            BackendRequests[] all = Siblings;
            if ((all.Count(b => b.IsOut) + 1) * 100 > all.Length * outliers.MaxEjectionPercent) return;
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

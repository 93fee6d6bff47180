using Culvert.Core;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>What requests of this node say of one backend of a Service port: how many run, how soon they are answered, how many have failed in a row, and until when it is left out for that. Thread-safe; outlives snapshots.</summary>
internal sealed class BackendRequests
{
    // A try that fails says that the backend is slow, however soon it does: who fails at once would be asked most. It counts for so many of its answers' times, within these bounds, so that one failure is
    // soon forgotten and many are not.
    private const double TimesOfFailure = 10, LeastOfFailure = 50_000, MostOfFailure = 10_000_000;

    // What one of which nothing is known yet is taken to need for each request that runs: one answer is waited for.
    private const double MicrosecondsOfUnknown = 1_000_000;

    // Of its share a backend has this part when its slow start begins: with none it would never be known how it does.
    private const double LeastWarmth = 0.1;

    private readonly ResponseTime _time = new();
    private long _addedAt = long.MinValue;
    private int _running;
    private int _waiting;
    private long _quietSince;

    // Where all fail, and no more may be left out, that is not found out again for each request.
    private const int MillisecondsBetweenTries = 1000;

    private int _errors;
    private RecentErrors? _recent; // where only errors within a time count
    private long _outUntil = long.MinValue;
    private long _triedAt = long.MinValue;
    private TimeSpan _lastTime;
    private bool _isUnhealthy;
    private bool _isLeftOut; // for that; only under the port's lock

    /// <summary>Begins to count.</summary>
    /// <param name="port">The Service port.</param>
    /// <param name="address">The backend's address and port.</param>
    /// <param name="isLate">Whether the port has had backends before it: it is new among them.</param>
    internal BackendRequests(PortRequests port, SocketEndPoint address, bool isLate = false)
    {
        (Port, Address) = (port, address);
        if (isLate) Return();
    }

    /// <summary>The Service port.</summary>
    internal PortRequests Port { get; }

    /// <summary>The backend's address and port.</summary>
    internal SocketEndPoint Address { get; }

    /// <summary>All backends of the port that clients of the same family are given, this one among them; replaced with each snapshot that is in force.</summary>
    internal BackendRequests[] Siblings { private get; set => Volatile.Write(ref field, value); } = [];

    /// <summary>Whether it is left out now.</summary>
    internal bool IsOut => IsLeftOut || (Volatile.Read(ref _outUntil) is var until && until != long.MinValue && Port.Settings.Outliers is not null && until > Port.Now);

    /// <summary>Whether it is unhealthy, as the last checks had it.</summary>
    internal bool IsUnhealthy => Volatile.Read(ref _isUnhealthy) && Port.Settings.HealthCheck is not null;

    private bool IsLeftOut => Volatile.Read(ref _isLeftOut) && Port.Settings.HealthCheck is not null;

    /// <summary>How many tries run.</summary>
    internal int Running => Volatile.Read(ref _running);

    /// <summary>
    /// How long one more request would take, in microseconds: as one does of late, after those that run. While any waits for its answer it is no less than the time in which none has been answered, or one that hangs would seem quicker and quicker.
    /// </summary>
    /// <param name="running">How many requests it is taken to have.</param>
    internal double ExpectedTime(double running)
    {
        long now = Port.Now;
        double silence = Volatile.Read(ref _waiting) > 0 ? Math.Max(0, now - Volatile.Read(ref _quietSince)) * 1000.0 : 0;
        double average = _time.At(now);
        return average == 0 && running > 0 ? Math.Max(MicrosecondsOfUnknown, silence) * running : Math.Max(average, silence) * (running + 1);
    }

    /// <summary>It is new among others, or has come back to them: a slow start begins.</summary>
    internal void Return()
    {
        long now = Port.Now;
        Volatile.Write(ref _addedAt, now);
        Port.OnChanged(now);
    }

    /// <summary>Which part of its share it gets now: from a tenth to all of it, after as long as a slow start takes since it is there, or back.</summary>
    /// <param name="slowStart">How long that is; above zero.</param>
    internal double WarmthAfter(TimeSpan slowStart)
    {
        long addedAt = Volatile.Read(ref _addedAt), since = Port.Settings.Outliers is null ? addedAt : Math.Max(addedAt, Volatile.Read(ref _outUntil));
        return since == long.MinValue ? 1 : Math.Clamp((Port.Now - since) / slowStart.TotalMilliseconds, LeastWarmth, 1);
    }

    /// <summary>A try begins.</summary>
    internal void Begin() => Interlocked.Increment(ref _running);

    /// <summary>It is over.</summary>
    internal void End() => Interlocked.Decrement(ref _running);

    /// <summary>A try has been sent as a whole, and its answer is waited for; where answers are timed.</summary>
    internal void BeginWait()
    {
        if (Volatile.Read(ref _waiting) == 0) Volatile.Write(ref _quietSince, Port.Now);
        Interlocked.Increment(ref _waiting);
    }

    /// <summary>It is not any more: it was answered, or given up.</summary>
    internal void EndWait() => Interlocked.Decrement(ref _waiting);

    /// <summary>A try was answered.</summary>
    /// <param name="after">How long it took; what is longer than a failure counts as one.</param>
    internal void ReportTime(TimeSpan after)
    {
        long now = Port.Now;
        Volatile.Write(ref _quietSince, now);
        _time.Add(Bounded(after), now);
    }

    /// <summary>A try has failed.</summary>
    /// <param name="after">How long it took; zero where that is told already, or not known.</param>
    internal void ReportFailure(TimeSpan after)
    {
        long now = Port.Now;
        Volatile.Write(ref _quietSince, now);
        _time.Add(Math.Max(Bounded(after), Math.Clamp(TimesOfFailure * _time.At(now), LeastOfFailure, MostOfFailure)), now);
    }

    /// <summary>A try was given up that had not been answered.</summary>
    /// <param name="after">How long it was waited for.</param>
    internal void ReportWait(TimeSpan after)
    {
        long now = Port.Now;
        if (Bounded(after) > _time.At(now)) _time.Add(Bounded(after), now);
    }

    // One answer that took an hour would keep it without requests for minutes.
    private static double Bounded(TimeSpan time) => Math.Min(time.TotalMicroseconds, MostOfFailure);

    /// <summary>A try is over, or its response has come.</summary>
    internal void Report(TryOutcome outcome)
    {
        if (outcome == TryOutcome.Unknown || Port.Settings.Outliers is not { } outliers) return;
        if (outcome == TryOutcome.Good)
        {
            if (outliers.Window is null && Volatile.Read(ref _errors) != 0) Volatile.Write(ref _errors, 0);
            return;
        }

        // What was on its way when it was left out says nothing of the time after.
        long now = Port.Now;
        if (Volatile.Read(ref _outUntil) > now) return;
        bool isEnough = outliers.Window is { } window ? AreEnoughWithin((long)window.TotalMilliseconds, outliers.ConsecutiveErrors, now) : Interlocked.Increment(ref _errors) >= outliers.ConsecutiveErrors;
        if (isEnough && Volatile.Read(ref _triedAt) <= now - MillisecondsBetweenTries) Eject(outliers, now);
    }

    // Under the same lock as what forgets them: what another loop reports of the time before is not counted after it.
    private bool AreEnoughWithin(long window, int enough, long now)
    {
        lock (Port.Ejecting)
        {
            if (_outUntil > now) return false;
            if (_recent?.Enough != enough) _recent = new RecentErrors(enough);
            return _recent.Add(now, window);
        }
    }

    // Each time that follows the last at once is longer: a backend that is still broken costs fewer and fewer requests.
    private void Eject(OutlierDetection outliers, long now)
    {
        TimeSpan time;
        lock (Port.Ejecting)
        {
            if (_outUntil > now) return;
            if (!MayBeOut())
            {
                Volatile.Write(ref _triedAt, now);
                return;
            }

            bool isRelapse = _outUntil != long.MinValue && now - _outUntil < (long)_lastTime.TotalMilliseconds;
            time = (isRelapse ? _lastTime : TimeSpan.Zero) + outliers.EjectionTime;
            if (time > OutlierDetection.LongestEjection) time = OutlierDetection.LongestEjection;
            _lastTime = time;
            Volatile.Write(ref _errors, 0);
            _recent?.Clear();
            Port.OnChanged(now + (long)time.TotalMilliseconds);
            Volatile.Write(ref _outUntil, now + (long)time.TotalMilliseconds);
        }

        Port.OnEjected(this, time);
    }

    /// <summary>Checks have failed so often that it is unhealthy, or once more since: it is left out, or as soon as no longer too many are.</summary>
    /// <returns>Whether it is left out.</returns>
    internal bool ReportUnhealthy()
    {
        lock (Port.Ejecting)
        {
            Volatile.Write(ref _isUnhealthy, true);
            bool mayBeOut = MayBeOut(); // also of one that is: others may have gone meanwhile
            if (_isLeftOut == mayBeOut) return mayBeOut;
            Port.CountUnhealthy(mayBeOut ? 1 : -1);
            Volatile.Write(ref _isLeftOut, mayBeOut);
            return mayBeOut;
        }
    }

    /// <summary>It is healthy again, or nothing is known of its health any more.</summary>
    internal void ReportHealthy()
    {
        lock (Port.Ejecting)
        {
            Volatile.Write(ref _isUnhealthy, false);
            if (!_isLeftOut) return;
            Return();
            Volatile.Write(ref _isLeftOut, false);
            Port.CountUnhealthy(-1);
        }
    }

    // Whether this one may be left out besides those that are.
    private bool MayBeOut()
    {
        BackendRequests[] all = Siblings;
        int percent = Port.Settings.MaxOutPercent;
        int most = percent == 100 ? all.Length : Math.Min(all.Length - 1, Math.Max(1, all.Length * percent / 100));
        return all.Count(b => b != this && b.IsOut) < most;
    }
}

using Culvert.Core;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>Requests of this node to one Service port, and what its TrafficPolicy says of them. Thread-safe; outlives snapshots.</summary>
/// <param name="service">The Service.</param>
/// <param name="port">Its port.</param>
/// <param name="settings">What holds now.</param>
/// <param name="time">The clock.</param>
/// <param name="ejected">Told of each backend that is left out from now on, and for how long. Thread-safe.</param>
/// <param name="used">Told when its backends are to be asked whether they are well, because workloads of this node have requests for it. Thread-safe.</param>
internal sealed class PortRequests(NamespacedName service, ushort port, RequestSettings settings, TimeProvider time, Action<BackendRequests, TimeSpan>? ejected, Action<PortRequests>? used = null)
{
    // Of who uses it no more is noted, so that requests do not contend for it.
    private const int MillisecondsBetweenUses = 1000;

    // In one workload's name for as long as it goes on, or each of them would have a tunnel for the checks alone.
    private const int MillisecondsOfOneUser = 60_000;


    private readonly RetryCounter _retries = new();
    private volatile RequestSettings _settings = settings;
    private int _running;
    private int _pending;
    private long _changedAt = long.MinValue;
    private PortUse? _use;
    private bool _isChecked;
    private bool _wantsOther;
    private int _unhealthy;

    /// <summary>The Service.</summary>
    internal NamespacedName Service => service;

    /// <summary>Its port.</summary>
    internal ushort Port => port;

    /// <summary>What holds.</summary>
    internal RequestSettings Settings
    {
        get => _settings;
        set
        {
            _settings = value;
            ConnectionLimit.Most = value.MaxConnections ?? int.MaxValue;
        }
    }

    /// <summary>The connections that requests go by.</summary>
    internal PortConnections ConnectionLimit { get; } = new(settings.MaxConnections ?? int.MaxValue);

    /// <summary>How many requests wait for a connection.</summary>
    internal int Pending => Volatile.Read(ref _pending);

    /// <summary>A request begins to wait for a connection, which is made or has to be waited for.</summary>
    /// <returns>False when as many wait already as may.</returns>
    internal bool TryPend()
    {
        if (Interlocked.Increment(ref _pending) <= (_settings.MaxPendingRequests ?? int.MaxValue)) return true;
        Interlocked.Decrement(ref _pending);
        return false;
    }

    /// <summary>It has one, or does not wait any more.</summary>
    internal void EndPend() => Interlocked.Decrement(ref _pending);

    /// <summary>Held while one of its backends is chosen to be left out, so that there are never too many.</summary>
    internal Lock Ejecting { get; } = new();

    /// <summary>Milliseconds of a clock that never goes back.</summary>
    internal long Now => time.GetTimestamp() / (time.TimestampFrequency / 1000);

    /// <summary>Whether it counts how long backends take to answer.</summary>
    internal bool IsTimed => _settings.Balancing is { Mode: RequestBalancingMode.LeastTime };

    /// <summary>A moment of the same clock, exactly.</summary>
    internal long Timestamp => time.GetTimestamp();

    /// <summary>How long ago a moment was.</summary>
    internal TimeSpan Since(long timestamp) => time.GetElapsedTime(timestamp);

    /// <summary>How many run now.</summary>
    internal int Running => Volatile.Read(ref _running);

    /// <summary>Whether any of its backends may get less than its share, because it is new, or back, for less than a time. Costs one look at the clock for all of them.</summary>
    /// <param name="slowStart">How long; zero: none does.</param>
    internal bool IsWarming(TimeSpan slowStart) => slowStart > TimeSpan.Zero && Volatile.Read(ref _changedAt) is var at && at != long.MinValue && Now - at < (long)slowStart.TotalMilliseconds;

    /// <summary>Whether any of its backends may be left out now; false is certain.</summary>
    internal bool MayHaveOut => Volatile.Read(ref _unhealthy) > 0 || (Volatile.Read(ref _changedAt) is var at && at != long.MinValue && at > Now);

    /// <summary>All backends of the port, of both families; replaced with each snapshot that is in force.</summary>
    internal BackendRequests[] Backends { get => Volatile.Read(ref field); set => Volatile.Write(ref field, value); } = [];

    /// <summary>
    /// In whose name its backends are asked: a workload that has had requests for it, until it has had none for a minute or its checks could not be asked and another has one. Exact to a second; null: nobody has had one, or nobody asks.
    /// </summary>
    internal PortUse? LastUse => Volatile.Read(ref _use);

    /// <summary>A workload of this node has a request for it. Allocates at most once a second.</summary>
    /// <param name="workload">The workload.</param>
    /// <param name="client">Its address.</param>
    internal void OnUsed(WorkloadInfo workload, in SocketEndPoint client)
    {
        if (used is null || _settings.HealthCheck is null) return;
        long now = Now;
        if (Volatile.Read(ref _isChecked) && Volatile.Read(ref _use) is { } last && IsKept(last, workload, now - last.At)) return;
        Volatile.Write(ref _wantsOther, false);
        Volatile.Write(ref _use, new PortUse(workload, client.WithPort(0), now));
        if (!Interlocked.Exchange(ref _isChecked, true)) used(this);
    }

    /// <summary>A backend could not be asked in the name of who has used the port last: the next that does may be another, of whom policy thinks otherwise.</summary>
    internal void WantOtherUser() => Volatile.Write(ref _wantsOther, true);

    private bool IsKept(PortUse last, WorkloadInfo workload, long age)
    {
        bool isAnother = last.Workload.Uid != workload.Uid;
        return age < (isAnother && !Volatile.Read(ref _wantsOther) ? MillisecondsOfOneUser : MillisecondsBetweenUses);
    }

    /// <summary>Whether its backends are asked whether they are well.</summary>
    internal bool IsChecked => Volatile.Read(ref _isChecked);

    /// <summary>Its backends are not asked any more until it is used again.</summary>
    internal void OnUnchecked() => Volatile.Write(ref _isChecked, false);

    /// <summary>One of its backends is left out because it is unhealthy, or is not any more.</summary>
    /// <param name="change">1 or -1.</param>
    internal void CountUnhealthy(int change) => Interlocked.Add(ref _unhealthy, change);

    /// <summary>A backend is new, or will be back.</summary>
    /// <param name="at">When, by <see cref="Now"/>.</param>
    internal void OnChanged(long at)
    {
        long before = Volatile.Read(ref _changedAt);
        while (at > before && Interlocked.CompareExchange(ref _changedAt, at, before) is var now && now != before) before = now;
    }

    /// <summary>A request waits before its first try.</summary>
    /// <returns>False when as many run already as may.</returns>
    internal bool TryHold() => TryBegin(isFirst: false);

    /// <summary>A try begins.</summary>
    /// <param name="isFirst">Whether it is the first of its request.</param>
    /// <returns>False when as many run already as may.</returns>
    internal bool TryBegin(bool isFirst)
    {
        if (Interlocked.Increment(ref _running) > (_settings.MaxRequests ?? int.MaxValue))
        {
            Interlocked.Decrement(ref _running);
            return false;
        }

        if (isFirst && _settings.Retries is not null) _retries.CountRequest(Now);
        return true;
    }

    /// <summary>It is over.</summary>
    internal void End() => Interlocked.Decrement(ref _running);

    /// <summary>A request is about to be tried again.</summary>
    /// <returns>False when there have been as many repetitions as may be.</returns>
    internal bool TryRepeat() => _settings.Retries is not { } budget || _retries.TryRepeat(budget, Now);

    /// <summary>A backend is left out.</summary>
    internal void OnEjected(BackendRequests backend, TimeSpan forTime) => ejected?.Invoke(backend, forTime);
}

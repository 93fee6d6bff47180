using Culvert.Core;
using Wire = Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>What holds for requests to Service ports, between model and wire.</summary>
internal static class RequestSettingsMapping
{
    /// <summary>The wire form.</summary>
    internal static Wire.RequestSettings ToWire(this RequestSettings settings) => new()
    {
        PolicyNamespace = settings.Policy.Namespace,
        PolicyName = settings.Policy.Name,
        IsCircuitBreaker = settings.IsCircuitBreaker,
        Fallback = settings.Fallback is { } fallback ? new Wire.FallbackService { Namespace = fallback.Service.Namespace, Name = fallback.Service.Name, Port = fallback.Port } : null,
        MaxRequests = (uint)(settings.MaxRequests ?? 0),
        MaxConnections = (uint)(settings.MaxConnections ?? 0),
        MaxPendingRequests = (uint)(settings.MaxPendingRequests ?? 0),
        Outliers = settings.Outliers is { } outliers
            ? new Wire.OutlierDetection { ConsecutiveErrors = (uint)outliers.ConsecutiveErrors, EjectionMilliseconds = (ulong)outliers.EjectionTime.TotalMilliseconds, MaxEjectionPercent = (uint)outliers.MaxEjectionPercent, WindowMilliseconds = (ulong)(outliers.Window?.TotalMilliseconds ?? 0) }
            : null,
        Retries = settings.Retries is { } retries ? new Wire.RetryBudget { Percent = (uint)retries.Percent, MinPerSecond = (uint)retries.MinPerSecond } : null,
        Balancing = settings.Balancing is { } balancing ? ToWire(balancing) : null,
        Faults = settings.Faults is { } faults
            ? new Wire.FaultInjection { DelayPercent = (uint)faults.DelayPercent, DelayMilliseconds = (ulong)faults.Delay.TotalMilliseconds, AbortPercent = (uint)faults.AbortPercent, AbortStatus = (uint)faults.AbortStatus }
            : null,
        Caching = settings.Caching is { } caching ? new Wire.ResponseCaching { MaxResponseBytes = (uint)caching.MaxResponseBytes, Paths = { caching.Paths.Select(p => p.Text) } } : null,
        HealthCheck = settings.HealthCheck is { } check ? ToWire(check) : null,
        Hedging = settings.Hedging is { } hedging ? new Wire.RequestHedging { DelayMilliseconds = (ulong)hedging.Delay.TotalMilliseconds, MaxTries = (uint)hedging.MaxTries } : null,
    };

    /// <summary>The model.</summary>
    /// <exception cref="FormatException">A number is out of its range.</exception>
    internal static RequestSettings ToModel(this Wire.RequestSettings wire)
    {
        RequestSettings settings = new()
        {
            Policy = FieldMapping.ToName(wire.PolicyNamespace, wire.PolicyName),
            IsCircuitBreaker = wire.IsCircuitBreaker,
            Fallback = wire.Fallback is { } f ? new FallbackService(FieldMapping.ToName(f.Namespace, f.Name), f.Port.ToPort("fallback.port")) : null,
            MaxRequests = wire.MaxRequests == 0 ? null : Number(wire.MaxRequests),
            MaxConnections = wire.MaxConnections == 0 ? null : Number(wire.MaxConnections),
            MaxPendingRequests = wire.MaxPendingRequests == 0 ? null : Number(wire.MaxPendingRequests),
            Outliers = wire.Outliers is { } o ? new OutlierDetection(Number(o.ConsecutiveErrors), TimeSpan.FromMilliseconds(Number(o.EjectionMilliseconds)), Number(o.MaxEjectionPercent)) { Window = o.WindowMilliseconds == 0 ? null : TimeSpan.FromMilliseconds(Number(o.WindowMilliseconds)) } : null,
            Retries = wire.Retries is { } r ? new RetryBudget(Number(r.Percent), Number(r.MinPerSecond)) : null,
            Balancing = wire.Balancing is { } b ? ToModel(b) : null,
            Faults = wire.Faults is { } x
                ? new FaultInjection { DelayPercent = Number(x.DelayPercent), Delay = TimeSpan.FromMilliseconds(Number(x.DelayMilliseconds)), AbortPercent = Number(x.AbortPercent), AbortStatus = Number(x.AbortStatus) }
                : null,
            Caching = wire.Caching is { } c ? new ResponseCaching { MaxResponseBytes = Number(c.MaxResponseBytes), Paths = c.Paths.Select(PathPattern.Parse).ToEquatableArray() } : null,
            HealthCheck = wire.HealthCheck is { } h ? ToModel(h) : null,
            Hedging = wire.Hedging is { } g ? new RequestHedging(TimeSpan.FromMilliseconds(Number(g.DelayMilliseconds)), Number(g.MaxTries)) : null,
        };
        return settings.IsValid ? settings : throw new FormatException($"requests has a number that is out of its range: {wire}");
    }

    private static Wire.RequestBalancing ToWire(RequestBalancing balancing)
    {
        Wire.RequestBalancing wire = new() { Mode = balancing.Mode.ToWire(), Header = balancing.Header ?? "", SlowStartMilliseconds = (ulong)balancing.SlowStart.TotalMilliseconds, PrefersZone = balancing.PrefersZone };
        if (balancing.Cookie is not { } cookie) return wire;
        wire.Cookie = new Wire.AffinityCookie { Name = cookie.Name };
        if (cookie.Life is { } life) wire.Cookie.LifeSeconds = (ulong)life.TotalSeconds;
        return wire;
    }

    private static RequestBalancing ToModel(Wire.RequestBalancing wire) => new(wire.Mode.ToModel())
    {
        Header = wire.Header.Length == 0 ? null : wire.Header,
        Cookie = wire.Cookie is { } cookie ? new AffinityCookie(cookie.Name, cookie.HasLifeSeconds ? TimeSpan.FromSeconds(Number(cookie.LifeSeconds)) : null) : null,
        SlowStart = TimeSpan.FromMilliseconds(Number(wire.SlowStartMilliseconds)),
        PrefersZone = wire.PrefersZone,
    };

    private static Wire.HealthCheck ToWire(HealthCheck check)
    {
        Wire.HealthCheck wire = new()
        {
            Kind = check.Kind.ToWire(),
            Path = check.Path,
            GrpcService = check.GrpcService,
            IntervalMilliseconds = (ulong)check.Interval.TotalMilliseconds,
            TimeoutMilliseconds = (ulong)check.Timeout.TotalMilliseconds,
            UnhealthyThreshold = (uint)check.UnhealthyThreshold,
            HealthyThreshold = (uint)check.HealthyThreshold,
        };
        wire.ExpectedStatuses.Add(check.ExpectedStatuses.Select(s => (uint)s));
        return wire;
    }

    private static HealthCheck ToModel(Wire.HealthCheck wire) => new(wire.Kind.ToModel())
    {
        Path = wire.Path,
        ExpectedStatuses = wire.ExpectedStatuses.Select(s => Number(s)).ToEquatableArray(),
        GrpcService = wire.GrpcService,
        Interval = TimeSpan.FromMilliseconds(Number(wire.IntervalMilliseconds)),
        Timeout = TimeSpan.FromMilliseconds(Number(wire.TimeoutMilliseconds)),
        UnhealthyThreshold = Number(wire.UnhealthyThreshold),
        HealthyThreshold = Number(wire.HealthyThreshold),
    };

    // What is too large for the model is out of every range.
    private static int Number(ulong value) => (int)Math.Min(value, int.MaxValue);
}

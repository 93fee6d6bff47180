namespace Culvert.Core;

/// <summary>What holds for requests of HTTP to a Service port, whatever client of whichever node sends them: which of its backends gets one, which are left out, and how many requests and repetitions there may be. Counted by each node.</summary>
public sealed record RequestSettings
{
    /// <summary>The TrafficPolicy that says it, for people.</summary>
    public required NamespacedName Policy { get; init; }

    /// <summary>Whether that is a CircuitBreaker of NGINX Service Mesh.</summary>
    public bool IsCircuitBreaker { get; init; }

    /// <summary>When a backend is left out for a while; null: never.</summary>
    public OutlierDetection? Outliers { get; init; }

    /// <summary>How backends are asked whether they are well; null: they are not.</summary>
    public HealthCheck? HealthCheck { get; init; }

    /// <summary>Most of a port's backends, in percent, that are left out at once, whatever for.</summary>
    public int MaxOutPercent => Outliers?.MaxEjectionPercent ?? HealthCheck.DefaultMaxOutPercent;

    /// <summary>Most requests that a node has running at once: 1 to <see cref="MostRequestsAtOnce"/>; null: as many as there are.</summary>
    public int? MaxRequests { get; init; }

    /// <summary>Most connections that a node has to the backends at once for requests: 1 to <see cref="MostRequestsAtOnce"/>; null: as many as there are.</summary>
    public int? MaxConnections { get; init; }

    /// <summary>Most requests of a node that wait for a connection at once, or for one to be made: 1 to <see cref="MostRequestsAtOnce"/>; null: as many as there are.</summary>
    public int? MaxPendingRequests { get; init; }

    /// <summary>How many repetitions there may be; null: as many as routes say.</summary>
    public RetryBudget? Retries { get; init; }

    /// <summary>When a request is sent to a further backend too; null: never.</summary>
    public RequestHedging? Hedging { get; init; }

    /// <summary>How a backend is picked for each; null: as for connections (<see cref="ServicePort.LoadBalancing"/>).</summary>
    public RequestBalancing? Balancing { get; init; }

    /// <summary>Who is asked where no backend may be; null: nobody.</summary>
    public FallbackService? Fallback { get; init; }

    /// <summary>What is made to go wrong; null: nothing.</summary>
    public FaultInjection? Faults { get; init; }

    /// <summary>Which responses are kept for later requests, at the nodes of the backends; null: none.</summary>
    public ResponseCaching? Caching { get; init; }

    /// <summary>The most that <see cref="MaxRequests"/>, <see cref="MaxConnections"/> and <see cref="MaxPendingRequests"/> may be.</summary>
    public const int MostRequestsAtOnce = 1_000_000;

    /// <summary>Whether the numbers are in their ranges.</summary>
    public bool IsValid => IsNumber(MaxRequests) && IsNumber(MaxConnections) && IsNumber(MaxPendingRequests) && Outliers?.IsValid != false && Retries?.IsValid != false && Balancing?.IsValid != false && Faults?.IsValid != false && HealthCheck?.IsValid != false && Caching?.IsValid != false && Hedging?.IsValid != false;

    private static bool IsNumber(int? most) => most is null or (>= 1 and <= MostRequestsAtOnce);
}

namespace Culvert.Core;

/// <summary>One rule of a route: which requests it has, what is changed of them, and where they go.</summary>
public sealed record HttpRouteRule
{
    /// <summary>Its name, for people; empty: it has none.</summary>
    public string Name { get; init; } = "";

    /// <summary><see cref="Name"/> where a Service's requests go to itself without a route; no rule of a route can have it.</summary>
    public const string NameWithoutRoute = "*";

    /// <summary>It has a request when any of these does; never empty: a rule for all requests matches the prefix <c>/</c>.</summary>
    public EquatableArray<HttpRouteMatch> Matches { get; init; }

    /// <summary>What is changed of requests and responses, or answered in a server's place.</summary>
    public HttpRouteFilters Filters { get; init; } = HttpRouteFilters.None;

    /// <summary>Where requests go, each with its share; empty where the rule answers itself.</summary>
    public EquatableArray<HttpRouteBackend> Backends { get; init; }

    /// <summary>The Service ports that something of it goes to: backends, and mirrors; each as often as it is named.</summary>
    public IEnumerable<(NamespacedName Service, ushort Port)> Targets =>
        [.. Backends.Where(b => b.Service is not null).Select(b => (b.Service!.Value, b.Port)), .. Filters.Mirrors.Select(m => (m.Service, m.Port))];

    /// <summary>How long a request may take until its response is whole, with all tries; null: as long as it likes.</summary>
    public TimeSpan? RequestTimeout { get; init; }

    /// <summary>How long one try may take; null: as long as the request.</summary>
    public TimeSpan? BackendTimeout { get; init; }

    /// <summary>When a request is tried again; null: only if no server has had it.</summary>
    public HttpRouteRetry? Retry { get; init; }
}

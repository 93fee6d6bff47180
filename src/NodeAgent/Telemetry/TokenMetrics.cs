using Culvert.Core;
using Culvert.NodeAgent.Telemetry.Metrics;

namespace Culvert.NodeAgent.Telemetry;

/// <summary>Counts tokens of requests by issuer and result. Bounded: an issuer is one that some RequestAuthentication names, and beyond a number of them all others are <c>other</c>. Thread-safe; allocates nothing for an issuer that is known.</summary>
internal sealed class TokenMetrics
{
    private const int MostIssuers = 64;
    private const string Unknown = "", Other = "other";

    private readonly BoundedSeries<string, Counter[]> _series;

    /// <summary>Registers them.</summary>
    /// <param name="registry">Where.</param>
    internal TokenMetrics(MetricRegistry registry)
    {
        CounterFamily tokens = registry.Add(new CounterFamily("culvert_jwt_tokens_total", "Tokens of HTTP requests, by issuer and result.", ["issuer", "result"]));
        _series = new BoundedSeries<string, Counter[]>(registry, [tokens.Name], MostIssuers, Other, issuer => [.. Enum.GetValues<JwtError>().Select(e => tokens.With(issuer, JwtErrors.NameOf(e)))], static counters => Array.TrueForAll(counters, c => c.IsRemoved));
    }

    /// <summary>Counts one.</summary>
    /// <param name="issuer">Its issuer; null: none that is taken.</param>
    /// <param name="error">Why it was refused; None: it was taken.</param>
    internal void Count(string? issuer, JwtError error) => _series.Of(issuer ?? Unknown)[(int)error].Increment();
}

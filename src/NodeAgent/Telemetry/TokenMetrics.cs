using System.Collections.Concurrent;
using Culvert.Core;
using Culvert.NodeAgent.Telemetry.Metrics;

namespace Culvert.NodeAgent.Telemetry;

/// <summary>Counts tokens of requests by issuer and result. Bounded: an issuer is one that some RequestAuthentication names, and beyond a number of them all others are <c>other</c>. Thread-safe; allocates nothing for an issuer that is known.</summary>
internal sealed class TokenMetrics
{
    private const int MostIssuers = 64;
    private const string Unknown = "", Other = "other";

    private readonly ConcurrentDictionary<string, Counter[]> _series = new(StringComparer.Ordinal);
    private readonly CounterFamily _tokens;
    private Counter[]? _others;
    private int _issuers;

    /// <summary>Registers them.</summary>
    /// <param name="registry">Where.</param>
    internal TokenMetrics(MetricRegistry registry) =>
        _tokens = registry.Add(new CounterFamily("culvert_jwt_tokens_total", "Tokens of HTTP requests, by issuer and result.", ["issuer", "result"]));

    /// <summary>Counts one.</summary>
    /// <param name="issuer">Its issuer; null: none that is taken.</param>
    /// <param name="error">Why it was refused; None: it was taken.</param>
    internal void Count(string? issuer, JwtError error)
    {
        string label = issuer ?? Unknown;
        if (!_series.TryGetValue(label, out Counter[]? counters))
        {
            counters = Volatile.Read(ref _issuers) < MostIssuers ? Add(label) : _others ??= Of(Other);
        }

        counters[(int)error].Increment();
    }

    private Counter[] Add(string label)
    {
        Counter[] made = Of(label), counters = _series.GetOrAdd(label, made);
        if (ReferenceEquals(made, counters)) Interlocked.Increment(ref _issuers);
        return counters;
    }

    private Counter[] Of(string label) => [.. Enum.GetValues<JwtError>().Select(e => _tokens.With(label, JwtErrors.NameOf(e)))];
}

using System.Diagnostics.Metrics;

namespace Culvert.Controller.Identity.Federation;

/// <summary>What is counted of other trust domains, by <see cref="System.Diagnostics.Metrics"/>. There are as many series as the file has had trust domains. Safe for use by many threads.</summary>
internal sealed class FederationMetrics : IDisposable
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "Culvert.Federation";

    private readonly Gauge<long> _roots;
    private readonly Gauge<long> _refreshed;
    private readonly Counter<long> _polls;

    public FederationMetrics()
    {
        Meter = new(MeterName);
        _roots = Meter.CreateGauge<long>("culvert.federation.roots", "{root}", "Roots of another trust domain that are believed; 0 where none is known, and where it is not federated any more.");
        _refreshed = Meter.CreateGauge<long>("culvert.federation.refresh_timestamp_seconds", "s", "When the bundle of another trust domain was read last, Unix seconds.");
        _polls = Meter.CreateCounter<long>("culvert.federation.polls", "{poll}", "Bundles of other trust domains that were asked for, by outcome: changed, same, failed, refused.");
    }

    /// <summary>The meter.</summary>
    public Meter Meter { get; }

    /// <inheritdoc/>
    public void Dispose() => Meter.Dispose();

    public void Has(string trustDomain, int roots) => _roots.Record(roots, Of(trustDomain));

    public void Changed(string trustDomain, DateTimeOffset now) => Read(trustDomain, "changed", now);

    public void Same(string trustDomain, DateTimeOffset now) => Read(trustDomain, "same", now);

    public void Failed(string trustDomain) => Count(trustDomain, "failed");

    /// <summary>It has answered, and is not believed: a domain of which this is all that is counted can't be followed any more, whatever it tells.</summary>
    public void Refused(string trustDomain) => Count(trustDomain, "refused");

    private void Read(string trustDomain, string outcome, DateTimeOffset now)
    {
        _refreshed.Record(now.ToUnixTimeSeconds(), Of(trustDomain));
        Count(trustDomain, outcome);
    }

    private void Count(string trustDomain, string outcome) => _polls.Add(1, Of(trustDomain), new KeyValuePair<string, object?>("outcome", outcome));

    private static KeyValuePair<string, object?> Of(string trustDomain) => new("trust_domain", trustDomain);
}

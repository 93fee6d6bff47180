using System.Diagnostics.Metrics;

namespace Culvert.Controller.Identity;

/// <summary>What is measured of the authority that signs, by <see cref="System.Diagnostics.Metrics"/>. Labels are of a few values each. Safe for use by many threads.</summary>
internal sealed class AuthorityMetrics : IDisposable
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "Culvert.Authority";

    private const string Signed = "signed";

    private readonly Counter<long> _certificates;
    private readonly Gauge<long> _isUsable;
    private readonly Gauge<long> _signerEnds;
    private readonly Gauge<long> _upstreamEnds;

    public AuthorityMetrics()
    {
        Meter = new(MeterName);
        _certificates = Meter.CreateCounter<long>("culvert.authority.certificates", "{certificate}", "Certificates that nodes have asked for, by what came of it.");
        _isUsable = Meter.CreateGauge<long>("culvert.authority.upstream.usable", "{authority}", "1 while the authority outside answers and can be used, 0 otherwise.");
        _signerEnds = Meter.CreateGauge<long>("culvert.authority.signer.not_after_timestamp_seconds", "s", "When what the controller signs with ends, Unix seconds; 0 while it has nothing to sign with.");
        _upstreamEnds = Meter.CreateGauge<long>("culvert.authority.upstream.not_after_timestamp_seconds", "s", "When the first of the certificates above ends, the root included, Unix seconds.");
    }

    /// <summary>The meter.</summary>
    public Meter Meter { get; }

    /// <summary>A node has what it asked for.</summary>
    public void Issued() => Count(Signed);

    /// <summary>A node does not have what it asked for.</summary>
    public void Failed(AuthorityFailure reason) => Count(NameOf(reason));

    /// <summary>Whether the authority outside could be used when it was looked at last.</summary>
    public void IsUsable(bool isUsable) => _isUsable.Record(isUsable ? 1 : 0);

    /// <summary>Something else signs.</summary>
    /// <param name="notAfter">When it ends.</param>
    /// <param name="aboveNotAfter">When the first of those above ends.</param>
    public void SignsUntil(DateTimeOffset notAfter, DateTimeOffset aboveNotAfter)
    {
        _signerEnds.Record(notAfter.ToUnixTimeSeconds());
        _upstreamEnds.Record(aboveNotAfter.ToUnixTimeSeconds());
    }

    /// <summary>Nothing signs.</summary>
    public void SignsNothing() => _signerEnds.Record(0);

    /// <inheritdoc/>
    public void Dispose() => Meter.Dispose();

    /// <summary>A reason as the label has it.</summary>
    internal static string NameOf(AuthorityFailure reason) => reason switch
    {
        AuthorityFailure.InvalidRequest => "invalid-request",
        AuthorityFailure.NotPermitted => "not-permitted",
        _ => reason.ToString().ToLowerInvariant(),
    };

    private void Count(string result) => _certificates.Add(1, new KeyValuePair<string, object?>("result", result));
}

using System.Diagnostics.Metrics;

namespace Culvert.Controller.Identity.Spire.Entries;

/// <summary>What is counted of entries at a SPIRE server, by <see cref="System.Diagnostics.Metrics"/>. Labels are of a few values each. Safe for use by many threads.</summary>
internal sealed class EntryMetrics : IDisposable
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "Culvert.Spire";

    private readonly Gauge<long> _entries;
    private readonly Counter<long> _changes;
    private readonly Counter<long> _failures;
    private readonly Gauge<long> _resynced;

    public EntryMetrics()
    {
        Meter = new(MeterName);
        _entries = Meter.CreateGauge<long>("culvert.spire.entries", "{entry}", "Entries at the SPIRE server by state: wanted, own, others, failing; 0 at controllers that do not lead.");
        _changes = Meter.CreateCounter<long>("culvert.spire.entries.changes", "{entry}", "Entries that were created, updated and deleted.");
        _failures = Meter.CreateCounter<long>("culvert.spire.entries.failures", "{failure}", "Calls that have failed, and entries that were refused, each time, by reason.");
        _resynced = Meter.CreateGauge<long>("culvert.spire.entries.resync_timestamp_seconds", "s", "When all entries were read and compared last, Unix seconds; 0 at controllers that do not lead.");
    }

    /// <summary>The meter.</summary>
    public Meter Meter { get; }

    /// <inheritdoc/>
    public void Dispose() => Meter.Dispose();

    /// <summary>How many there are.</summary>
    public void Are(EntryStatus status)
    {
        Record("wanted", status.Wanted);
        Record("own", status.Own);
        Record("others", status.Others);
        Record("failing", status.Failing);
    }

    public void Created() => Change("created");

    public void Updated() => Change("updated");

    public void Deleted() => Change("deleted");

    public void Failed(EntryTroubleKind kind) => _failures.Add(1, new KeyValuePair<string, object?>("reason", NameOf(kind)));

    public void Resynced(DateTimeOffset now) => _resynced.Record(now.ToUnixTimeSeconds());

    /// <summary>Somebody else keeps them now.</summary>
    public void Resign()
    {
        Are(new(0, 0, 0, 0, IsDone: true));
        _resynced.Record(0);
    }

    /// <summary>A kind as the label has it.</summary>
    internal static string NameOf(EntryTroubleKind kind) => kind switch
    {
        EntryTroubleKind.DnsName => "dns-name",
        _ => kind.ToString().ToLowerInvariant(),
    };

    private void Change(string change) => _changes.Add(1, new KeyValuePair<string, object?>("change", change));

    private void Record(string state, int count) => _entries.Record(count, new KeyValuePair<string, object?>("state", state));
}

using System.Collections.Immutable;

namespace Culvert.Controller.Identity.BuiltIn;

/// <summary>All roots of an authority at a moment. Immutable, but for the end of what it holds: see <see cref="Dispose"/>.</summary>
/// <param name="Retired">Those that have left the bundle and are remembered, oldest first.</param>
/// <param name="Serving">Those of the bundle, oldest first.</param>
internal sealed record RootSet(ImmutableArray<RetiredRoot> Retired, ImmutableArray<Root> Serving)
{
    public static RootSet Empty { get; } = new([], []);

    /// <summary>What the store knows this state of it by.</summary>
    public string Version { get; init; } = "";

    /// <summary>The records of all, oldest first.</summary>
    public IEnumerable<RootRecord> Records => [.. Retired.Select(r => r.Record), .. Serving.Select(r => r.Record)];

    /// <summary>The certificates of the bundle in DER.</summary>
    public ImmutableArray<ReadOnlyMemory<byte>> Bundle => [.. Serving.Select(r => (ReadOnlyMemory<byte>)r.Certificate.RawData)];

    /// <summary>The root that signs; there must be one.</summary>
    public Root SigningAt(DateTimeOffset now) => Serving.LastOrDefault(r => r.Record.Activates <= now) ?? Serving[0];

    /// <summary>Ends what it holds and another one does not.</summary>
    public void Dispose(RootSet except)
    {
        HashSet<IDisposable> kept = [.. except.Parts()];
        foreach (IDisposable part in Parts().Where(p => !kept.Contains(p))) part.Dispose();
    }

    private IEnumerable<IDisposable> Parts() => Retired.SelectMany(r => new IDisposable?[] { r.Certificate, r.Cross })
        .Concat(Serving.SelectMany(r => new IDisposable?[] { r.Certificate, r.Cross, r.Key, r.Jwt })).OfType<IDisposable>();
}

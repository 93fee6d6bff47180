using System.Collections.Immutable;
using Culvert.Protocol;

namespace Culvert.Controller.Identity.Federation;

/// <summary>The bundle of a trust domain that is in force, and what has to be known to replace it. Immutable.</summary>
/// <param name="Document">The bundle.</param>
/// <param name="FileDigest">Digest of the file that has brought a bundle last, or <see cref="UnreadFile"/>; null: none has. When the file is another one, its bundle takes the place of what is in force.</param>
/// <param name="Floor">The highest sequence that was told since that file: what has a lower one, or none, is older; null: none was.</param>
/// <param name="At">When it was taken, later than all that was known then.</param>
internal sealed partial record KeptBundle(BundleDocument Document, string? FileDigest, ulong? Floor, DateTimeOffset At)
{
    /// <summary>In place of a digest: the endpoint has answered while a file was named that could not be read. Once it can be, it is older than the answer.</summary>
    public const string UnreadFile = "unread";

    /// <summary>When a file's bundle was taken, in the order of those that began with it: before all answers, also those that other controllers have had.</summary>
    public static readonly DateTimeOffset BeforeAnswers = DateTimeOffset.MinValue;

    /// <summary>Digests of further roots, for which there was no room: whoever has these has the whole.</summary>
    public ImmutableArray<string> Missing { get; init; } = [];

    /// <summary>Since when a controller has not named the trust domain any more; null: all do that have said something of it.</summary>
    public DateTimeOffset? NotNamedSince { get; init; }

    /// <summary>Whether roots are missing.</summary>
    public bool IsPart => !Missing.IsEmpty;

    /// <summary>A moment for what is told now: later than all that is known, also by a controller whose clock is ahead.</summary>
    /// <param name="now">The clock's.</param>
    /// <param name="known">What is known; null: nothing.</param>
    public static DateTimeOffset MomentAfter(DateTimeOffset now, params KeptBundle?[] known)
    {
        DateTimeOffset latest = known.Max(k => k?.At) ?? DateTimeOffset.MinValue;
        return latest < now ? now : latest.AddTicks(latest < DateTimeOffset.MaxValue ? 1 : 0);
    }

    /// <summary>Whether another controller's takes this one's place: it knows a higher sequence, or where there is none, has asked later. What files bring is each controller's own to read.</summary>
    public bool IsOlderThan(KeptBundle other) => OrderTo(other) < 0;

    /// <summary>Below 0: older than another controller's; 0: both say the same; above 0: newer; null: they began with other files.</summary>
    public int? OrderTo(KeptBundle other) => FileDigest == other.FileDigest ? (Floor ?? 0, Floor is not null, At).CompareTo((other.Floor ?? 0, other.Floor is not null, other.At)) : null;

    /// <summary>As much as there is room for: all, or all but some roots, which are <see cref="Missing"/> then.</summary>
    /// <param name="mostBytes">The most bytes of the text; the digests of as many roots as a bundle may have fit.</param>
    /// <param name="before">What was there before, whose roots come first; null: nothing.</param>
    public KeptBundle Within(int mostBytes, KeptBundle? before)
    {
        if (Write().Length <= mostBytes) return this;
        HashSet<string> old = before is null ? [] : [.. before.Document.Roots.Select(CertificateFingerprint.Of)];
        HashSet<string> chosen = [];
        foreach (string root in Document.Roots.Select(CertificateFingerprint.Of).OrderByDescending(r => old.Contains(r)))
        {
            chosen.Add(root);
            if (Of(chosen).Write().Length > mostBytes) chosen.Remove(root);
        }
        return Of(chosen);
    }

    /// <summary>With those of the missing roots that another one has.</summary>
    public KeptBundle CompletedBy(KeptBundle? other)
    {
        ReadOnlyMemory<byte>[] found = other is null ? [] : [.. other.Document.Roots.Where(r => Missing.Contains(CertificateFingerprint.Of(r)))];
        return found.Length == 0 ? this : this with
        {
            Document = Document with { Roots = [.. Document.Roots, .. found] },
            Missing = [.. Missing.Except(found.Select(CertificateFingerprint.Of))],
        };
    }

    private KeptBundle Of(HashSet<string> roots) => this with
    {
        Document = Document with { Roots = [.. Document.Roots.Where(r => roots.Contains(CertificateFingerprint.Of(r)))] },
        Missing = [.. Missing, .. Document.Roots.Select(CertificateFingerprint.Of).Where(r => !roots.Contains(r))],
    };
}

namespace Culvert.Controller.Identity.Federation;

/// <summary>A trust domain that the mesh is federated with, and what is known of it. Not thread-safe: its keeper's lock guards it.</summary>
/// <param name="domain">What the file says of it.</param>
internal sealed class FederatedRelationship(FederatedDomain domain)
{
    /// <summary>What the file says of it.</summary>
    public FederatedDomain Domain { get; } = domain;

    /// <summary>Its bundle; null: none is known yet.</summary>
    public KeptBundle? Kept { get; set; }

    /// <summary>Until when its endpoint's first answer is waited for before the file's bundle counts; in the past: it is not.</summary>
    public DateTimeOffset AwaitedUntil { get; set; } = DateTimeOffset.MinValue;

    /// <summary>The file's bundle, by which the endpoint is proven where nothing else is known; null: none was read yet.</summary>
    public BundleFile? FileBundle { get; set; }

    /// <summary>What was left out of what it has told last.</summary>
    public string LeftOut { get; set; } = "";

    /// <summary>Since when the file does not name it any more; null: it does, or there is no telling.</summary>
    public DateTimeOffset? MissingSince { get; set; }

    /// <summary>How many questions in a row have brought nothing that is believed.</summary>
    public int Failures { get; set; }

    /// <summary>When the endpoint is to be asked next.</summary>
    public DateTimeOffset Due { get; set; } = DateTimeOffset.MinValue;

    /// <summary>Why it could not be asked the last time; null: it could.</summary>
    public string? Failure { get; set; }

    /// <summary>Why the file could not be used; null: it could.</summary>
    public string? FileFailure { get; set; }

    /// <summary>Where its bundle comes from, for people.</summary>
    public string Source => Domain.Endpoint is { } endpoint ? endpoint.Url.ToString() : Domain.BundlePath!;

    /// <summary>Its roots as far as they are known: those in force, or the file's, which prove its endpoint; null: none are.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>>? Roots => (Kept?.Document ?? FileBundle?.Document)?.Roots;

    /// <summary>What an answer of the endpoint is compared with: what is in force, or the file's; null: nothing.</summary>
    public KeptBundle? Last(DateTimeOffset now) => Kept ?? (FileBundle is { } file ? new(file.Document, file.Digest, file.Document.Sequence, now) : null);

    /// <summary>What is in force while there is nothing new, for people.</summary>
    public string InForce => Kept is null ? "nothing is known of it, so that nobody of it is believed" : "the one before is in force";

    /// <summary>Whether its endpoint's first answer is waited for.</summary>
    public bool IsAwaited(DateTimeOffset now) => Kept is null && now < AwaitedUntil;

    /// <summary>Whether its endpoint is to be asked before anything is said of it: nothing is known, or not all of it, or what is may be old, as nobody has asked for a while.</summary>
    public bool IsToBeAskedFirst(DateTimeOffset now) => IsAwaited(now) || (Domain.Endpoint is not null && Kept is { IsPart: true } or { NotNamedSince: not null });

    /// <summary>Whether a bundle that another controller keeps began with another file than the one here, where nothing else is known here: that is read first.</summary>
    public bool IsOfOtherFile(KeptBundle other) => Kept is null && Domain.BundlePath is not null && other.FileDigest != KeptBundle.UnreadFile && other.FileDigest != FileBundle?.Digest;
}

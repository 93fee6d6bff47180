namespace Culvert.Controller.Identity.Spire.Entries;

/// <summary>Which entries of a SPIRE server a controller keeps, and how patiently.</summary>
internal sealed record SpireEntryOptions
{
    /// <summary>The mesh among those that one server has entries of: a DNS label. Entries are this mesh's by their ID, which begins with it.</summary>
    public required string Mesh { get; init; }

    /// <summary>The identity of the agent of a node.</summary>
    public required EntryTemplate Parent { get; init; }

    /// <summary>Whose identities the <see cref="Parent"/> is one of.</summary>
    public required string TrustDomain { get; init; }

    /// <summary>What a process has to be. Together they name the namespace and the service account.</summary>
    public required IReadOnlyList<SelectorTemplate> Selectors { get; init; }

    /// <summary>DNS names in the certificates.</summary>
    public IReadOnlyList<EntryTemplate> DnsNames { get; init; } = [];

    /// <summary>Trust domains whose bundles go with the certificates; never <see cref="TrustDomain"/>, with which agents can't take entries.</summary>
    public IReadOnlyList<string> FederatesWith { get; init; } = [];

    /// <summary>How long certificates live, in whole seconds; null: as the mesh says; zero: as the server says.</summary>
    public TimeSpan? Lifetime { get; init; }

    /// <summary>How long changes are gathered before entries are.</summary>
    public TimeSpan Gathering { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long an entry stays whose last pod has gone: one that comes after it, as when it is replaced, finds its identity there.</summary>
    public TimeSpan Linger { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How many entries may go at once without further ado; and half of all.</summary>
    public int FewDeletions { get; init; } = 20;

    /// <summary>How long more than that stay, in case that somebody has made a mistake.</summary>
    public TimeSpan MassLinger { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How often all entries are read and compared.</summary>
    public TimeSpan ResyncInterval { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How often it is asked whether a bundle has come.</summary>
    public TimeSpan BundleInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long to wait after the first failure; each further one doubles it.</summary>
    public TimeSpan FirstRetry { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long to wait at most.</summary>
    public TimeSpan LongestRetry { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Entries in one call.</summary>
    public int MostOfABatch { get; init; } = 200;

    /// <summary>Bytes of entries in one call; a server takes no more than 4 MiB.</summary>
    public int LargestBatch { get; init; } = 1024 * 1024;

    /// <summary>Entries on a page that is asked for.</summary>
    public int PageSize { get; init; } = 500;

    /// <summary>What the IDs of this mesh's entries begin with. No label has a dot, so that no mesh's is the beginning of another's.</summary>
    public string Prefix => $"culvert.{Mesh}.";

    /// <summary>How long to wait after so many failures in a row.</summary>
    public TimeSpan Pause(int failures)
    {
        TimeSpan pause = FirstRetry * Math.Pow(2, Math.Min(failures - 1, 20));
        return pause < LongestRetry ? pause : LongestRetry;
    }
}

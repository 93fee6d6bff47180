namespace Culvert.Controller.Identity.Federation;

/// <summary>How the mesh is federated with other trust domains.</summary>
internal sealed record FederationOptions
{
    // Of the shortest time; more than a day by then.
    private const int MostDoublings = 16;

    /// <summary>The file that names them; null: none are.</summary>
    public string? Path { get; init; }

    /// <summary>How often it is looked whether files have changed, and which bundles are to be asked for.</summary>
    public TimeSpan Look { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How often a bundle is asked for whose trust domain does not say.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>The shortest time between two questions, whatever is said.</summary>
    public TimeSpan Shortest { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The longest: what a domain revokes is not to be believed for ever because it has once said so.</summary>
    public TimeSpan Longest { get; init; } = TimeSpan.FromDays(1);

    /// <summary>How long an answer may take as a whole, with all redirects.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the first answer about a trust domain of which nothing is known is waited for, before what its file says counts, or it is published without it.</summary>
    public TimeSpan FirstAnswer { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long the file has to be without a trust domain that it has named, until that is believed: it may be just being written.</summary>
    public TimeSpan EmptyFor { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long to wait until a bundle is asked for again.</summary>
    /// <param name="hint">What its trust domain says; null: nothing.</param>
    public TimeSpan After(TimeSpan? hint)
    {
        TimeSpan wanted = hint ?? Interval;
        return wanted < Shortest ? Shortest : wanted > Longest ? Longest : wanted;
    }

    /// <summary>How long to wait after questions that have brought nothing: at first not for long, whatever the trust domain says, and never for longer than it says.</summary>
    /// <param name="failures">How many in a row, from 1.</param>
    /// <param name="hint">What its trust domain says; null: nothing.</param>
    public TimeSpan AfterFailures(int failures, TimeSpan? hint)
    {
        TimeSpan most = After(hint), wanted = Shortest * Math.Pow(2, Math.Min(failures - 1, MostDoublings));
        return wanted < most ? wanted : most;
    }
}

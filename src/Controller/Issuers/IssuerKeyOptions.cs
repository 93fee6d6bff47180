namespace Culvert.Controller.Issuers;

/// <summary>How keys are read from URLs.</summary>
internal sealed record IssuerKeyOptions
{
    /// <summary>How often; a tenth more or less, so that controllers do not ask at once.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>After how long it is tried again when that has failed; twice as long each time, up to a minute.</summary>
    public TimeSpan FirstRetry { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long an answer may take as a whole.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Whether URLs may lead to this machine or its link (<see cref="IssuerAddresses"/>).</summary>
    public bool AllowsLocal { get; init; }
}

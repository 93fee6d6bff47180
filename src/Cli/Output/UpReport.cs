namespace Culvert.Cli.Output;

/// <summary>One event of <c>culvert up</c>.</summary>
/// <param name="Event"><c>up</c>, <c>applied</c>, <c>rejected</c>, <c>object-error</c>, <c>object-warning</c>, <c>object-mended</c>, <c>note</c> or <c>stopping</c>.</param>
/// <param name="Time">When.</param>
/// <param name="Message">In words.</param>
internal sealed record UpReport(string Event, DateTimeOffset Time, string Message)
{
    /// <summary>The node.</summary>
    public string? Node { get; init; }

    /// <summary>Version of the snapshot.</summary>
    public ulong? Version { get; init; }

    /// <summary>Path of the file that an error is in.</summary>
    public string? File { get; init; }

    /// <summary>Line of the error, from 1.</summary>
    public int? Line { get; init; }

    /// <summary>The object as <c>Kind namespace/name</c>.</summary>
    public string? Object { get; init; }

    /// <summary>The field as a path.</summary>
    public string? Field { get; init; }

    /// <summary>Of an object's error: whether its last good version is in force, and not nothing.</summary>
    public bool? LastGoodInForce { get; init; }

    /// <summary>Of an object's error: whether it is in force as far as it could be read, and the rest of it allows nothing.</summary>
    public bool? InForceInPart { get; init; }
}

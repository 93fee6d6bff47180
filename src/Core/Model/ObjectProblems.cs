namespace Culvert.Core;

/// <summary>The problems of all objects as nodes are told of them: the first of them, and how many there are. Immutable.</summary>
public sealed record ObjectProblems
{
    /// <summary>How many are told one by one: a snapshot is not a log.</summary>
    public const int MostListed = 100;

    /// <summary>The first ones: errors before warnings, each in order of file and line.</summary>
    public EquatableArray<ObjectProblem> Listed { get; init; }

    /// <summary>How many errors there are, with those that are not listed.</summary>
    public int Errors { get; init; }

    /// <summary>How many declarations of objects are not in force, nor is an earlier version. This and the next two are 0 too where the controller does not say so.</summary>
    public int Rejected { get; init; }

    /// <summary>How many are not, while their last good version is.</summary>
    public int LastGoodKept { get; init; }

    /// <summary>How many are in force as far as they could be read (<see cref="InForceInstead.Part"/>).</summary>
    public int InPart { get; init; }

    /// <summary>How many warnings there are, with those that are not listed.</summary>
    public int Warnings { get; init; }
}

namespace Culvert.Core;

/// <summary>What a problem of an object means for the object.</summary>
public enum ProblemSeverity
{
    /// <summary>It is in force and does, likely, not what it was meant to do.</summary>
    Warning,

    /// <summary>It, or this version of it, is not in force.</summary>
    Error,
}

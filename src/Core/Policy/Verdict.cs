namespace Culvert.Core;

/// <summary>The outcome of a policy decision.</summary>
public enum Verdict
{
    /// <summary>The connection may be made.</summary>
    Allow,

    /// <summary>The connection is refused.</summary>
    Deny,
}

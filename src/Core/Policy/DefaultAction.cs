namespace Culvert.Core;

/// <summary>What happens to a connection to a workload that no ALLOW policy selects.</summary>
public enum DefaultAction
{
    /// <summary>It is let through.</summary>
    Allow,

    /// <summary>It is refused.</summary>
    Deny,
}

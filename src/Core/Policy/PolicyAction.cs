namespace Culvert.Core;

/// <summary>What a policy does to the connections it matches.</summary>
public enum PolicyAction
{
    /// <summary>Allows them; once one ALLOW policy selects a workload, what none of them matches is refused.</summary>
    Allow,

    /// <summary>Refuses them, before any ALLOW.</summary>
    Deny,

    /// <summary>Reports them and changes nothing.</summary>
    Audit,
}

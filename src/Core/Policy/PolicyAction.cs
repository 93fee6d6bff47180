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

    /// <summary>Has no say about connections: limits the rate of requests by the rules' <see cref="PolicyRule.Limit"/>. A RateLimit; no AuthorizationPolicy has it.</summary>
    Limit,

    /// <summary>Has an external authorizer asked about the requests it matches, after all DENY and ALLOW; refuses what nobody reads. Its rules are about TCP only.</summary>
    Custom,
}

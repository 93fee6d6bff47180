namespace Culvert.Core;

/// <summary>The outcome of a policy decision with its cause.</summary>
/// <param name="Verdict">Allow or deny.</param>
/// <param name="Reason">Why.</param>
/// <param name="Policy">The policy that decided, or null when none did. Where NetworkPolicies isolate a workload and allow nothing of it, the first of them.</param>
/// <param name="RuleIndex">Index of the deciding rule within that policy, from 0; -1 when no rule decided.</param>
/// <param name="AuditPolicies">AUDIT policies that matched besides, and NetworkPolicies that would refuse it if they were enforced.</param>
public readonly record struct Decision(
    Verdict Verdict,
    DecisionReason Reason,
    PolicyReference? Policy = null,
    int RuleIndex = -1,
    EquatableArray<PolicyReference> AuditPolicies = default)
{
    /// <summary>True when the verdict is allow.</summary>
    public bool IsAllowed => Verdict == Verdict.Allow;
}

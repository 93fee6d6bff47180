namespace Culvert.Core;

/// <summary>What NetworkPolicies say of a connection in one direction.</summary>
/// <param name="Effect">What.</param>
/// <param name="Policy">The policy whose rule allows it, or the first that isolates; not set when none selects the workload.</param>
/// <param name="RuleIndex">Index of the rule that allows it, from 0; -1 for none.</param>
internal readonly record struct NetworkPolicyOutcome(NetworkPolicyEffect Effect, NamespacedName Policy, int RuleIndex)
{
    /// <summary>Whether they let it through.</summary>
    public bool IsAllowed => Effect is NetworkPolicyEffect.Open or NetworkPolicyEffect.Allowed;
}

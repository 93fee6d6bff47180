namespace Culvert.Core;

/// <summary>What a rule number stands for.</summary>
/// <param name="Id">The number, from 1.</param>
/// <param name="Policy">The policy.</param>
/// <param name="RuleIndex">Index of the rule within it, from 0; of a NetworkPolicy, within its rules of one direction; -1: that the policy isolates, and allows nothing.</param>
/// <param name="SourceReference">Where the policy was declared, as <c>file:line</c>; may be empty.</param>
public sealed record CompiledRule(uint Id, PolicyReference Policy, int RuleIndex, string SourceReference)
{
    /// <summary>The name by which a rule gets its number.</summary>
    internal static string NameOf(PolicyReference policy, PolicyDirection direction, int rule) =>
        policy.Kind == PolicyKind.AuthorizationPolicy ? $"{policy}#{rule}" : $"{policy}#{direction}{rule}";
}

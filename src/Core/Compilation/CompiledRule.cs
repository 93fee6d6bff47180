namespace Culvert.Core;

/// <summary>What a rule number stands for.</summary>
/// <param name="Id">The number, from 1.</param>
/// <param name="Policy">The policy.</param>
/// <param name="RuleIndex">Index of the rule within it, from 0.</param>
/// <param name="SourceReference">Where the policy was declared, as <c>file:line</c>; may be empty.</param>
public sealed record CompiledRule(uint Id, NamespacedName Policy, int RuleIndex, string SourceReference);

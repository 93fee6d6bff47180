namespace Culvert.Core;

/// <summary>The highest numbers of <see cref="PolicyIds"/>.</summary>
/// <param name="Classes">Of source classes.</param>
/// <param name="TargetPolicySets">Of target policy sets.</param>
/// <param name="Rules">Of rules.</param>
public readonly record struct PolicyIdLimits(uint Classes, uint TargetPolicySets, uint Rules)
{
    /// <summary>Whether none of the other's numbers is higher.</summary>
    public bool Covers(PolicyIdLimits other) => other.Classes <= Classes && other.TargetPolicySets <= TargetPolicySets && other.Rules <= Rules;
}

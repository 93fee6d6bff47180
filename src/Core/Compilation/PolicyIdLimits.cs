namespace Culvert.Core;

/// <summary>The highest numbers of <see cref="PolicyIds"/>.</summary>
/// <param name="Classes">Of peer classes.</param>
/// <param name="PolicySets">Of policy sets, of both directions.</param>
/// <param name="Rules">Of rules.</param>
public readonly record struct PolicyIdLimits(uint Classes, uint PolicySets, uint Rules)
{
    /// <summary>Whether none of the other's numbers is higher.</summary>
    public bool Covers(PolicyIdLimits other) => other.Classes <= Classes && other.PolicySets <= PolicySets && other.Rules <= Rules;
}

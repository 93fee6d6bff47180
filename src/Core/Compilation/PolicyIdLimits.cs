namespace Culvert.Core;

/// <summary>The highest numbers of <see cref="PolicyIds"/>.</summary>
/// <param name="Classes">Of source classes.</param>
/// <param name="Subjects">Of subjects.</param>
/// <param name="Rules">Of rules.</param>
public readonly record struct PolicyIdLimits(uint Classes, uint Subjects, uint Rules)
{
    /// <summary>Whether none of the other's numbers is higher.</summary>
    public bool Covers(PolicyIdLimits other) => other.Classes <= Classes && other.Subjects <= Subjects && other.Rules <= Rules;
}

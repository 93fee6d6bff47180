namespace Culvert.Core;

/// <summary>Where a request's token stands: in a header line, or in a parameter of the query.</summary>
/// <param name="Field">Which header line it is, from 0; that of the path for a parameter.</param>
/// <param name="Name">The header's name or the parameter's.</param>
/// <param name="IsParameter">Whether it is a parameter.</param>
/// <param name="Start">Where it begins in the line's value.</param>
/// <param name="Length">How many bytes it has.</param>
public readonly record struct TokenPlace(int Field, string Name, bool IsParameter, int Start, int Length);

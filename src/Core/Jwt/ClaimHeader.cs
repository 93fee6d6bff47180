namespace Culvert.Core;

/// <summary>A header in which the application gets a claim.</summary>
/// <param name="Header">Its name, in lower case. What clients send by that name is removed.</param>
/// <param name="Claim">The claim's name, or names with dots between them.</param>
public sealed record ClaimHeader(string Header, string Claim);

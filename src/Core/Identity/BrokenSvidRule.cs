namespace Culvert.Core;

/// <summary>A rule that a certificate breaks, for which it proves no identity.</summary>
/// <param name="Name">Which; stable, for programs.</param>
/// <param name="Text">How, in words: the end of a sentence that begins with the certificate.</param>
public sealed record BrokenSvidRule(string Name, string Text);

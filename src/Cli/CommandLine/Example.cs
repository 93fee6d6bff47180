namespace Culvert.Cli.CommandLine;

/// <summary>One line of the examples in a help text.</summary>
/// <param name="Line">What to type.</param>
/// <param name="Purpose">What it does.</param>
internal sealed record Example(string Line, string Purpose);

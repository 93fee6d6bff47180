namespace Culvert.Cli.Output;

/// <summary>The error a command ended with.</summary>
internal sealed record ErrorReport(int ExitCode, string Error, string? Remedy);

namespace Culvert.Cli.Output;

/// <summary>Answer of <c>culvert version</c>.</summary>
internal sealed record VersionReport(string Version, string Runtime, string Kernel, string? AgentVersion);

namespace Culvert.Cli.Output;

/// <summary>Answer of <c>culvert detach</c>.</summary>
internal sealed record DetachReport(IReadOnlyList<string> Removed, IReadOnlyList<string> Failed);

namespace Culvert.Cli.Output;

/// <summary>Answer of <c>culvert detach</c>.</summary>
/// <param name="Removed">What was there and is gone.</param>
/// <param name="Failed">What should be gone and is not.</param>
/// <param name="Kept">What stays because another agent uses it.</param>
internal sealed record DetachReport(IReadOnlyList<string> Removed, IReadOnlyList<string> Failed, IReadOnlyList<string> Kept);

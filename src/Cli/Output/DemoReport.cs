namespace Culvert.Cli.Output;

/// <summary>Answer of <c>culvert demo</c>.</summary>
internal sealed record DemoReport(bool Passed, double Seconds, string? Folder, IReadOnlyList<DemoStepReport> Steps);

/// <summary>One step of the demo.</summary>
internal sealed record DemoStepReport(string Step, bool Passed, string Evidence, double Seconds);

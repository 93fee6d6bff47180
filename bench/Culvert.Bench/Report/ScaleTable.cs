using System.Globalization;
using Culvert.Bench.Scale;

namespace Culvert.Bench.Report;

/// <summary>How cost grows with the mesh, as plain text: a line for each figure, a column for each mesh.</summary>
/// <param name="figures">Of each mesh.</param>
internal sealed class ScaleTable(IReadOnlyList<ScaleFigures> figures)
{
    /// <summary>The lines, the first with the names of columns.</summary>
    public IReadOnlyList<string[]> Rows =>
    [
        ["growth of the controller's work", "unit", .. figures.Select(f => string.Create(CultureInfo.InvariantCulture, $"{f.Shape.Nodes} nodes"))],
        Row("start: reads and compiles its world", "s", f => f.ReadSeconds),
        Row("start: all agents have their snapshot", "s", f => f.FullSeconds),
        Row("start: received by one agent", "KiB", f => f.FullBytes / 1024),
        Row("start: processor time", "s", f => f.FullControllerSeconds),
        Row("start: streams that began later", "", f => f.Retries),
        .. Change("policy", f => f.Policy),
        .. Change("endpoint", f => f.Endpoint),
        .. Change("mesh", f => f.Mesh),
        Row("most resident memory", "MB", f => f.PeakMegabytes),
    ];

    private IEnumerable<string[]> Change(string kind, Func<ScaleFigures, ChangeFigures> of) =>
    [
        Row($"{kind} change: agents told", "", f => of(f).Told),
        Row($"{kind} change: acknowledged, p50", "ms", f => of(f).P50 * 1000),
        Row($"{kind} change: acknowledged, p99", "ms", f => of(f).P99 * 1000),
        Row($"{kind} change: acknowledged by all", "ms", f => of(f).Longest * 1000),
        Row($"{kind} change: received by all", "KiB", f => of(f).Bytes / 1024),
        Row($"{kind} change: processor time", "ms", f => of(f).ControllerSeconds * 1000),
    ];

    private string[] Row(string name, string unit, Func<ScaleFigures, double> value) => [name, unit, .. figures.Select(f => ResultsTable.Number(value(f)))];
}

using Culvert.Bench.Measuring;

namespace Culvert.Bench.Scale;

/// <summary>What came of a scale run.</summary>
/// <param name="Figures">Of each mesh, smallest first.</param>
/// <param name="Rows">Those of the largest.</param>
internal sealed record ScaleReport(IReadOnlyList<ScaleFigures> Figures, IReadOnlyList<Result> Rows);

using Culvert.Core;
using Wire = Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>Problems of objects between model and wire. A severity that this version does not know counts as an error.</summary>
public static class ProblemMapping
{
    /// <summary>The wire form of one problem.</summary>
    public static Wire.ObjectProblem ToWire(this ObjectProblem problem) => new()
    {
        Severity = problem.Severity == ProblemSeverity.Warning ? Wire.ProblemSeverity.Warning : Wire.ProblemSeverity.Error,
        File = problem.File,
        Line = (uint)problem.Line,
        Object = problem.Object,
        Field = problem.Field,
        Reason = problem.Reason,
        LastGoodInForce = problem.Instead == InForceInstead.LastGood,
        InForceInPart = problem.Instead == InForceInstead.Part,
    };

    /// <summary>The model of one problem.</summary>
    public static ObjectProblem ToModel(this Wire.ObjectProblem problem) => new(
        problem.Severity == Wire.ProblemSeverity.Warning ? ProblemSeverity.Warning : ProblemSeverity.Error,
        problem.File, (int)problem.Line, problem.Object, problem.Field, problem.Reason,
        problem.LastGoodInForce ? InForceInstead.LastGood : problem.InForceInPart ? InForceInstead.Part : InForceInstead.Nothing);

    internal static Wire.Mesh With(this Wire.Mesh mesh, ObjectProblems problems)
    {
        mesh.Problems.AddRange(problems.Listed.Select(ToWire));
        (mesh.Errors, mesh.Warnings) = ((uint)problems.Errors, (uint)problems.Warnings);
        (mesh.RejectedObjects, mesh.LastGoodObjects, mesh.PartialObjects) = ((uint)problems.Rejected, (uint)problems.LastGoodKept, (uint)problems.InPart);
        return mesh;
    }

    internal static ObjectProblems ToProblems(this Wire.Mesh mesh) => new()
    {
        Listed = mesh.Problems.Select(ToModel).ToEquatableArray(),
        Errors = (int)mesh.Errors,
        Warnings = (int)mesh.Warnings,
        Rejected = (int)mesh.RejectedObjects,
        LastGoodKept = (int)mesh.LastGoodObjects,
        InPart = (int)mesh.PartialObjects,
    };
}

using Culvert.Controller.Schema;
using Culvert.Controller.Statuses;
using Culvert.Controller.Store;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>Picks what nodes are told of the problems of objects.</summary>
internal static class ProblemList
{
    // A reason quotes what somebody wrote. Longer ones are in the controller's log.
    private const int LongestText = 400;

    public static ObjectProblems From(ObjectSet objects, StatusSummary? status = null) => new()
    {
        Listed = objects.Errors.Select(e => Problem(ProblemSeverity.Error, e) with { Instead = objects.Instead(e) }).Concat(objects.Warnings.Select(w => Problem(ProblemSeverity.Warning, w)))
            .Take(ObjectProblems.MostListed).ToEquatableArray(),
        Errors = objects.Errors.Length,
        Warnings = objects.Warnings.Length,
        Rejected = status?.Rejected ?? 0,
        LastGoodKept = status?.LastGoodKept ?? 0,
        InPart = status?.InPart ?? 0,
    };

    private static ObjectProblem Problem(ProblemSeverity severity, SourceError e) => new(severity, Short(e.Place), e.Line, Short(e.Object), Short(e.Field), Short(e.Reason));

    private static string Short(string text) => text.Length <= LongestText ? text : text[..LongestText] + "…";
}

using System.Collections.Immutable;
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

    /// <param name="objects">The objects in force, with what is wrong with them.</param>
    /// <param name="status">What has become of all declarations; null: not known.</param>
    /// <param name="closed">What is wrong with what there is no room for.</param>
    public static ObjectProblems From(ObjectSet objects, StatusSummary? status, ImmutableArray<SourceError> closed) => new()
    {
        Listed = closed.Select(c => Problem(ProblemSeverity.Error, c)).Concat(objects.Errors.Select(e => Problem(ProblemSeverity.Error, e) with { Instead = objects.Instead(e) })).Concat(objects.Warnings.Select(w => Problem(ProblemSeverity.Warning, w)))
            .Take(ObjectProblems.MostListed).ToEquatableArray(),
        Errors = objects.Errors.Length + closed.Length,
        Warnings = objects.Warnings.Length,
        Rejected = status?.Rejected ?? 0,
        LastGoodKept = status?.LastGoodKept ?? 0,
        InPart = status?.InPart ?? 0,
    };

    private static ObjectProblem Problem(ProblemSeverity severity, SourceError e) => new(severity, Short(e.Place), e.Line, Short(e.Object), Short(e.Field), Short(e.Reason));

    private static string Short(string text) => text.Length <= LongestText ? text : text[..LongestText] + "…";
}

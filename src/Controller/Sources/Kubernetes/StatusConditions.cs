using Culvert.Controller.Objects;
using Culvert.Controller.Progress;
using Culvert.Controller.Schema;
using Culvert.Controller.Statuses;
using Culvert.Kubernetes.Resources;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>The conditions that say what has become of an object. Pure.</summary>
internal static class StatusConditions
{
    /// <summary>Type of the condition that says whether the object is good, by itself and beside all others.</summary>
    public const string Accepted = "Accepted";

    /// <summary>Type of the condition that says whether this version of it is in force, and on how many nodes.</summary>
    public const string Programmed = "Programmed";

    private const string InForce = "InForce";

    // The API allows 32768 characters; people read the first few.
    private const int LongestMessage = 2000;

    /// <summary>Makes them.</summary>
    /// <param name="status">What has become of the object.</param>
    /// <param name="spread">Where this version of it is in force, if it is accepted.</param>
    /// <param name="before">The conditions that it has: where one says the same, the time since when stays. That a version is in force is said once: nodes that come later have it before they have a workload.</param>
    /// <param name="now">The time for those that say something else.</param>
    public static IReadOnlyList<Condition> Of(ObjectStatus status, Spread spread, IReadOnlyList<Condition> before, DateTimeOffset now)
    {
        long generation = GenerationOf(status);
        (bool isInForce, string reason, string message) = status.State switch
        {
            ObjectState.Accepted when !spread.IsWhole && WasInForce(before, generation) is { } said => (true, InForce, said.Message ?? ""),
            ObjectState.Accepted => (spread.IsWhole, spread.IsWhole ? InForce : "Pending", spread.Text()),
            ObjectState.LastGoodKept => (false, "LastGoodInForce", "nodes are given the last good version"),
            ObjectState.InPart => (false, "InForceInPart", "nodes are given what could be read of it; the rest of it allows nothing"),
            _ => (false, "NotInForce", "nodes are given no version of it"),
        };
        Maker make = new(before, generation, now);
        return
        [
            !status.Errors.IsEmpty ? make.False(Accepted, "Invalid", [.. status.Errors.Select(Text)])

                // Never without a message: Kubernetes 1.20 takes one that is empty for null, which the schema refuses.
                : make.True(Accepted, Accepted, status.Warnings.IsEmpty ? ["nothing is wrong with it"] : [.. status.Warnings.Select(Text)]),
            isInForce ? make.True(Programmed, reason, message) : make.False(Programmed, reason, message),
        ];
    }

    /// <summary>Whether an object's conditions say already that this version of it is in force.</summary>
    public static bool SayInForce(ObjectStatus status, IReadOnlyList<Condition> conditions) => WasInForce(conditions, GenerationOf(status)) is not null;

    /// <summary>Whether an object has these conditions already, beside whatever others somebody has given it.</summary>
    public static bool AreIn(IReadOnlyList<Condition> wanted, IReadOnlyList<Condition> has) => wanted.All(w => has.Contains(w));

    /// <summary>A fault as a part of a message.</summary>
    public static string Text(SourceError error) => error.Field.Length > 0 ? $"{error.Field}: {error.Reason}" : error.Reason;

    private static long GenerationOf(ObjectStatus status) => (status.Origin as ApiOrigin)?.Generation ?? 0;

    private static Condition? WasInForce(IReadOnlyList<Condition> before, long generation) =>
        before.FirstOrDefault(c => c.Type == Programmed && c.Status == "True" && c.Reason == InForce && c.ObservedGeneration == generation && c.Message?.StartsWith(Spread.InForce, StringComparison.Ordinal) == true);

    /// <summary>Makes the conditions of one list.</summary>
    /// <param name="before">The conditions that it has: where one says the same, the time since when stays.</param>
    /// <param name="generation">Of the version that they are about.</param>
    /// <param name="now">The time for those that say something else.</param>
    internal readonly struct Maker(IReadOnlyList<Condition> before, long generation, DateTimeOffset now)
    {
        public Condition True(string type, string reason, params IReadOnlyList<string> messages) => Make(type, "True", reason, messages);

        public Condition False(string type, string reason, params IReadOnlyList<string> messages) => Make(type, "False", reason, messages);

        public Condition Unknown(string type, string reason, params IReadOnlyList<string> messages) => Make(type, "Unknown", reason, messages);

        private Condition Make(string type, string value, string reason, IReadOnlyList<string> messages)
        {
            string text = string.Join("; ", messages);
            return new()
            {
                Type = type,
                Status = value,
                Reason = reason,
                Message = text.Length <= LongestMessage ? text : text[..LongestMessage] + "…",
                ObservedGeneration = generation,
                LastTransitionTime = before.FirstOrDefault(c => c.Type == type && c.Status == value)?.LastTransitionTime ?? DateTimeOffset.FromUnixTimeSeconds(now.ToUnixTimeSeconds()),
            };
        }
    }
}

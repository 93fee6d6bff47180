using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Controller.Statuses;
using Culvert.Kubernetes.Resources;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>The conditions that say what has become of an object. Pure.</summary>
internal static class StatusConditions
{
    /// <summary>Type of the condition that says whether the object is good, by itself and beside all others.</summary>
    public const string Accepted = "Accepted";

    /// <summary>Type of the condition that says whether this version of it is what nodes are given.</summary>
    public const string Programmed = "Programmed";

    // The API allows 32768 characters; people read the first few.
    private const int LongestMessage = 2000;

    /// <summary>Makes them.</summary>
    /// <param name="status">What has become of the object.</param>
    /// <param name="before">The conditions that it has: where one says the same, the time since when stays.</param>
    /// <param name="now">The time for those that say something else.</param>
    public static IReadOnlyList<Condition> Of(ObjectStatus status, IReadOnlyList<Condition> before, DateTimeOffset now)
    {
        (bool isInForce, string reason, string message) = status.State switch
        {
            ObjectState.Accepted => (true, "InForce", "nodes are given this version"),
            ObjectState.LastGoodKept => (false, "LastGoodInForce", "nodes are given the last good version"),
            ObjectState.InPart => (false, "InForceInPart", "nodes are given what could be read of it; the rest of it allows nothing"),
            _ => (false, "NotInForce", "nodes are given no version of it"),
        };
        return
        [
            // Never without a message: Kubernetes 1.20 takes one that is empty for null, which the schema refuses.
            status.Errors.IsEmpty ? Make(Accepted, true, Accepted, "nothing is wrong with it") : Make(Accepted, false, "Invalid", string.Join("; ", status.Errors.Select(Text))),
            Make(Programmed, isInForce, reason, message),
        ];

        Condition Make(string type, bool isTrue, string why, string text)
        {
            string value = isTrue ? "True" : "False";
            return new()
            {
                Type = type,
                Status = value,
                Reason = why,
                Message = text.Length <= LongestMessage ? text : text[..LongestMessage] + "…",
                ObservedGeneration = (status.Origin as ApiOrigin)?.Generation ?? 0,
                LastTransitionTime = before.FirstOrDefault(c => c.Type == type && c.Status == value)?.LastTransitionTime ?? DateTimeOffset.FromUnixTimeSeconds(now.ToUnixTimeSeconds()),
            };
        }
    }

    /// <summary>Whether an object has these conditions already, beside whatever others somebody has given it.</summary>
    public static bool AreIn(IReadOnlyList<Condition> wanted, IReadOnlyList<Condition> has) => wanted.All(w => has.Contains(w));

    private static string Text(SourceError error) => error.Field.Length > 0 ? $"{error.Field}: {error.Reason}" : error.Reason;
}

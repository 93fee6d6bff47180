using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Controller.Statuses;
using Culvert.Kubernetes.Resources;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>What the status of a route says of its parents that are Services, in the words of the Gateway API (RouteParentStatus; GEP-1294 for Services). Pure.</summary>
internal static class RouteStatus
{
    /// <summary>Who says it: each controller has entries of its own.</summary>
    public const string ControllerName = "culvert.dev/controller";

    /// <summary>Most entries of a status, those of others among them.</summary>
    public const int MostEntries = 32;

    private const string Accepted = "Accepted", ResolvedRefs = "ResolvedRefs";

    /// <summary>Makes the entries, one for each parent.</summary>
    /// <param name="status">What has become of the route.</param>
    /// <param name="parents">Its parents that are Services.</param>
    /// <param name="before">The entries that it has: where a condition says the same, the time since when stays.</param>
    /// <param name="now">The time for those that say something else.</param>
    public static IReadOnlyList<ParentStatus> Of(ObjectStatus status, IReadOnlyList<RouteParent> parents, IReadOnlyList<ParentEntry> before, DateTimeOffset now) =>
        [.. parents.Select(p => new ParentStatus(p.Reference, ControllerName, ConditionsOf(status, p, before.FirstOrDefault(e => e.Own?.ParentRef == p.Reference)?.Own?.Conditions ?? [], now)))];

    /// <summary>Whether the own entries of a status are these, in whichever order.</summary>
    public static bool AreIn(IReadOnlyList<ParentStatus> wanted, IReadOnlyList<ParentEntry> has)
    {
        ParentStatus[] own = [.. has.Select(e => e.Own).OfType<ParentStatus>()];
        return own.Length == wanted.Count && wanted.All(w => own.Any(o => o.ParentRef == w.ParentRef && o.Conditions.SequenceEqual(w.Conditions)));
    }

    private static IReadOnlyList<Condition> ConditionsOf(ObjectStatus status, RouteParent parent, IReadOnlyList<Condition> before, DateTimeOffset now)
    {
        StatusConditions.Maker make = new(before, (status.Origin as ApiOrigin)?.Generation ?? 0, now);
        string field = $"spec.parentRefs[{parent.Index}]";
        SourceError[] ofParent = [.. status.Warnings.Where(w => w.Field.StartsWith(field, StringComparison.Ordinal))], ofBackends = [.. status.Errors.Concat(status.Warnings).Where(IsOfBackend)];
        return
        [
            !status.Errors.IsEmpty ? make.False(Accepted, "UnsupportedValue", [.. status.Errors.Select(StatusConditions.Text), InForceInstead(status.State)])
                : ofParent.FirstOrDefault(w => w.Fault == ReferenceFault.NotFound) is { } missing ? make.False(Accepted, "NoMatchingParent", missing.Reason)
                : ofParent.FirstOrDefault(w => w.Fault == ReferenceFault.Conflicted) is { } other ? make.False(Accepted, "Conflicted", other.Reason)
                : ofParent.FirstOrDefault(w => w.Field != field) is { } unsupported ? make.False(Accepted, "UnsupportedValue", StatusConditions.Text(unsupported))
                : make.True(Accepted, Accepted, ofParent.Length == 0 ? [$"{(status.Object?.Kind is ObjectKind.HTTPRoute or ObjectKind.GRPCRoute ? "requests" : "connections")} to the Service follow it"] : [.. ofParent.Select(w => w.Reason)]),
            ofBackends.Length == 0 && status.Errors.IsEmpty ? make.True(ResolvedRefs, ResolvedRefs, "all backends are there")
                : ofBackends.Length == 0 ? make.Unknown(ResolvedRefs, "Pending", "they are looked for when the route has no errors")
                : make.False(ResolvedRefs, ReasonOf(ofBackends[0]), [.. ofBackends.Select(StatusConditions.Text)]),
        ];
    }

    // Of a backend, or of a filter's: a mirror.
    private static bool IsOfBackend(SourceError fault) =>
        (fault.Field.Contains(".backendRef", StringComparison.Ordinal) || fault.Field.EndsWith(".filters", StringComparison.Ordinal)) && ReasonOf(fault).Length > 0;

    /// <summary>The API's word for a backend that can't be had; empty where something else is wrong with it.</summary>
    private static string ReasonOf(SourceError fault) => fault switch
    {
        { Fault: ReferenceFault.NotFound } => "BackendNotFound",
        { Field: var field } when field.EndsWith(".kind", StringComparison.Ordinal) => "InvalidKind",
        { Field: var field } when field.EndsWith(".namespace", StringComparison.Ordinal) => "RefNotPermitted",
        _ => "",
    };

    private static string InForceInstead(ObjectState state) => state == ObjectState.LastGoodKept ? "its last good version is in force" : "no version of it is in force";
}

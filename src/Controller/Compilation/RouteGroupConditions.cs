using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>What rules that name HTTPRouteGroups ask of requests. Pure.</summary>
internal static class RouteGroupConditions
{
    /// <summary>Conditions of which a request has to meet one.</summary>
    /// <param name="rules">The rules.</param>
    /// <param name="find">A group by its key; null where there is none, which no request is of.</param>
    public static IEnumerable<RequestConditions> Of(IEnumerable<TrafficTargetObject.Rule> rules, Func<ObjectKey, MeshObject?> find) =>
        (from rule in rules
         let matches = (find(rule.Route) as HttpRouteGroupObject)?.Matches ?? []
         from match in matches
         where rule.Matches.IsEmpty || rule.Matches.Contains(match.Name)
         select match.ToConditions()).Distinct();
}

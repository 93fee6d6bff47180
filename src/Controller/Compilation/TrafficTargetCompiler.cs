using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>Makes ALLOW policies of TrafficTargets: what they select takes only what one of them, or another ALLOW policy, allows. Pure.</summary>
internal static class TrafficTargetCompiler
{
    // No object's name has a colon: no AuthorizationPolicy can take its place.
    private const string Prefix = "traffictarget:";

    /// <summary>The name of its policy.</summary>
    public static NamespacedName PolicyName(NamespacedName target) => target with { Name = Prefix + target.Name };

    /// <summary>Compiles one.</summary>
    /// <param name="target">It.</param>
    /// <param name="find">A route by its key; null where there is none, which then allows nothing.</param>
    /// <param name="trustDomain">The mesh's trust domain, of which its sources are.</param>
    public static PolicyInfo Compile(TrafficTargetObject target, Func<ObjectKey, SmiRouteObject?> find, string trustDomain)
    {
        PolicyDestination[] to = [.. target.Routes.Select(find).OfType<SmiRouteObject>().Select(r => Destination(target, r)).OfType<PolicyDestination>()];
        PolicySource from = new() { Identities = target.Sources.Select(s => StringPattern.Parse(SpiffeId.ForServiceAccount(trustDomain, s.Namespace, s.Name).ToString())).ToEquatableArray() };
        return new()
        {
            Name = PolicyName(target.Meta.FullName),
            Action = PolicyAction.Allow,

            // Empty lists would mean everybody and every port.
            Rules = to.Length == 0 || target.Sources.IsEmpty ? [] : [new() { From = [from], To = to.ToEquatableArray() }],
            SourceReference = target.Meta.SourceReference,
        };
    }

    private static PolicyDestination? Destination(TrafficTargetObject target, SmiRouteObject route)
    {
        if (target.Port is not { } port) return new() { Ports = route.Ports, Protocol = route.Protocol };
        return route.Ports.IsEmpty || route.Ports.Contains(port) ? new() { Ports = [port], Protocol = route.Protocol } : null;
    }
}

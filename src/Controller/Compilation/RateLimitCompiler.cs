using System.Net;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>Turns a limit as declared into what nodes count by. Pure.</summary>
internal static class RateLimitCompiler
{
    /// <summary>Most addresses and conditions on requests of one that names workloads and HTTPRouteGroups.</summary>
    public const int MostValues = AuthorizationPolicyReader.MostValues;

    /// <summary>What nodes count by.</summary>
    /// <param name="limit">As declared.</param>
    /// <param name="conditionsCount">Whether there is room for its conditions; otherwise all requests count for the slowest of its rules.</param>
    /// <param name="addressesOf">The addresses of workloads.</param>
    /// <param name="others">Whose requests count for others of the same destination, and so not for one without sources.</param>
    /// <param name="find">A group of routes by its key; null where there is none.</param>
    public static PolicyInfo Compile(RateLimitObject limit, bool conditionsCount, Func<WorkloadReference, IEnumerable<IPAddress>> addressesOf, IEnumerable<WorkloadReference> others, Func<ObjectKey, MeshObject?> find)
    {
        if (limit.Policy.Rules.IsEmpty) return limit.Policy;
        if (conditionsCount && limit.Kind == ObjectKind.RateLimit) return limit.Policy;
        if (conditionsCount && TryCompileRules(limit, addressesOf, others, find, out EquatableArray<PolicyRule> rules)) return limit.Policy with { Rules = rules };
        return limit.Policy with { Rules = [new PolicyRule { Limit = limit.Policy.Rules.Select(r => r.Limit!).MaxBy(l => l.Interval)! with { By = RateLimitBy.All, Header = "" } }] };
    }

    private static bool TryCompileRules(RateLimitObject limit, Func<WorkloadReference, IEnumerable<IPAddress>> addressesOf, IEnumerable<WorkloadReference> others, Func<ObjectKey, MeshObject?> find, out EquatableArray<PolicyRule> rules)
    {
        rules = [];
        EquatableArray<PolicyDestination> to = RouteGroupConditions.Of(limit.Rules, find).Select(c => new PolicyDestination { Protocol = TransportProtocol.Tcp, Request = c }).ToEquatableArray();
        if (to.IsEmpty && !limit.Rules.IsEmpty) return true; // no request is of them
        PolicyRule rule = limit.Policy.Rules[0] with { To = to };
        EquatableArray<IpPrefix>[] sources = [.. (limit.Sources.IsEmpty ? [others] : limit.Sources.Select(s => new[] { s }.AsEnumerable())).Select(of => PrefixesOf(of, addressesOf))];
        int conditions = to.Sum(t => 1 + RequestConditionsReader.ValuesOf(t.Request!)) * sources.Length;
        if (conditions + sources.Sum(s => s.Count) > MostValues) return false;
        if (limit.Sources.IsEmpty) rules = [sources[0].IsEmpty ? rule : rule with { From = [new PolicySource { NotIpBlocks = sources[0] }] }];
        else rules = sources.Where(s => !s.IsEmpty).Select(s => rule with { From = [new PolicySource { IpBlocks = s }], Limit = rule.Limit!.DividedBy(sources.Length) }).ToEquatableArray();
        return true;
    }

    private static EquatableArray<IpPrefix> PrefixesOf(IEnumerable<WorkloadReference> workloads, Func<WorkloadReference, IEnumerable<IPAddress>> addressesOf) =>
        workloads.SelectMany(addressesOf).Select(IpPrefix.Host).Distinct().Order().ToEquatableArray();
}

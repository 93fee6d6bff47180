using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>The limits of rates by all that compilation finds them by. Not thread-safe.</summary>
internal sealed class RateLimitIndex
{
    private readonly Dictionary<NamespacedName, RateLimitObject> _byPolicy = [];
    private readonly SelectorIndex<RateLimitObject> _selecting = new(l => l.Selector);
    private readonly MultiMap<NamespacedName, NamespacedName> _byService = new();
    private readonly MultiMap<WorkloadReference, NamespacedName> _bySource = new();
    private readonly MultiMap<ObjectKey, NamespacedName> _byGroup = new();
    private readonly NamespaceLimit<RateLimitObject> _values = NamespaceLimits.RateLimitValues();
    private readonly NamespaceLimit<RateLimitObject> _nginxValues = NamespaceLimits.RateLimitValues();

    /// <summary>Whether there is room for the conditions of a limit.</summary>
    public bool HasRoom(RateLimitObject limit) => !LimitOf(limit).IsOver(limit.Meta.Namespace);

    /// <summary>One by the name of its policy.</summary>
    public RateLimitObject? Find(NamespacedName policy) => _byPolicy.GetValueOrDefault(policy);

    /// <summary>The policies that are about a workload, by name.</summary>
    /// <param name="workload">The workload.</param>
    /// <param name="services">The Services that say what its ports speak.</param>
    public IEnumerable<NamespacedName> Of(WorkloadObject workload, IEnumerable<ServiceObject> services) =>
        _selecting.InScope(workload.Meta).Select(l => l.Policy.Name).Concat(services.SelectMany(s => _byService[s.Meta.FullName])).Distinct().Order();

    /// <summary>Whether any names workloads by what they belong to.</summary>
    public bool HaveSources => _bySource.Any;

    /// <summary>The policies in which it counts whom some references mean.</summary>
    public IEnumerable<NamespacedName> Naming(IEnumerable<WorkloadReference> workloads) => workloads.SelectMany(w => _bySource[w]).SelectMany(n => OthersOf(_byPolicy[n]).Append(n));

    /// <summary>The policies that name an HTTPRouteGroup.</summary>
    public IEnumerable<NamespacedName> Naming(ObjectKey group) => _byGroup[group];

    /// <summary>Whose requests count for others with the same destination, and so not for one without sources.</summary>
    public IEnumerable<WorkloadReference> SourcesOfOthers(RateLimitObject limit) =>
        limit.Target is { } target && limit.Sources.IsEmpty ? _byService[target].SelectMany(n => _byPolicy[n].Sources).Distinct().Order() : [];

    /// <summary>Puts one in the place of another.</summary>
    /// <returns>The policies that have to be compiled anew.</returns>
    public IEnumerable<NamespacedName> Replace(RateLimitObject? before, RateLimitObject? after)
    {
        RateLimitObject one = (before ?? after)!;
        if (before is not null)
        {
            _byPolicy.Remove(before.Policy.Name);
            foreach (WorkloadReference source in before.Sources) _bySource.Remove(source, before.Policy.Name);
            foreach (TrafficTargetObject.Rule rule in before.Rules) _byGroup.Remove(rule.Route, before.Policy.Name);
            if (before.Target is { } target) _byService.Remove(target, before.Policy.Name);
            else _selecting.Remove(before);
        }
        if (after is not null)
        {
            _byPolicy.Add(after.Policy.Name, after);
            foreach (WorkloadReference source in after.Sources) _bySource.Add(source, after.Policy.Name);
            foreach (TrafficTargetObject.Rule rule in after.Rules) _byGroup.Add(rule.Route, after.Policy.Name);
            if (after.Target is { } target) _byService.Add(target, after.Policy.Name);
            else _selecting.Add(after);
        }
        return LimitOf(one).Replace(before, after).Select(n => one.Kind == ObjectKind.RateLimit ? RateLimitNames.PolicyOf(n) : RateLimitNames.PolicyOfNginx(n)).Append(one.Policy.Name)
            .Concat(new[] { before, after }.OfType<RateLimitObject>().SelectMany(OthersOf)).ToArray();
    }

    // For which whom it names does not count.
    private IEnumerable<NamespacedName> OthersOf(RateLimitObject limit) => limit.Target is { } target && !limit.Sources.IsEmpty ? _byService[target].Where(n => _byPolicy[n].Sources.IsEmpty) : [];

    private NamespaceLimit<RateLimitObject> LimitOf(RateLimitObject limit) => limit.Kind == ObjectKind.RateLimit ? _values : _nginxValues;
}

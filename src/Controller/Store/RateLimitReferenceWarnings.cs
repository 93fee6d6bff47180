using Culvert.Controller.Compilation;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Store;

/// <summary>Keeps the warnings of limits of NGINX Service Mesh that name workloads or HTTPRouteGroups that are not there, or mean too much. Not thread-safe.</summary>
/// <param name="workloads">All workloads, as they are when changes are taken up.</param>
internal sealed class RateLimitReferenceWarnings(WorkloadIndex workloads)
{
    private readonly MultiMap<WorkloadReference, ObjectKey> _bySource = new();
    private readonly MultiMap<string, ObjectKey> _byServices = new(); // by the namespaces of Services that are sources
    private readonly MultiMap<ObjectKey, ObjectKey> _byGroup = new();
    private readonly WarningTable _warnings = new();

    /// <summary>All of them, by object.</summary>
    public IEnumerable<SourceError> All => _warnings.All;

    /// <summary>Takes changes up.</summary>
    /// <param name="changes">Objects as they were and as they are.</param>
    /// <param name="find">An object that is in force now.</param>
    public void Update(IReadOnlyCollection<(MeshObject? Old, MeshObject? New)> changes, Func<ObjectKey, MeshObject?> find)
    {
        foreach ((MeshObject? old, MeshObject? now) in changes)
        {
            if (old is RateLimitObject before) Remove(before);
            if (now is RateLimitObject after) Add(after);
        }

        HashSet<ObjectKey> dirty = [];
        foreach (MeshObject one in changes.SelectMany(c => new[] { c.Old, c.New }).OfType<MeshObject>()) dirty.UnionWith(ReachedBy(one));
        foreach (ObjectKey key in dirty) _warnings.Set(key, find(key) is RateLimitObject limit ? [.. Of(limit, find)] : []);
    }

    private IEnumerable<ObjectKey> ReachedBy(MeshObject one) => one switch
    {
        RateLimitObject => [one.Key],
        HttpRouteGroupObject => _byGroup[one.Key],
        ServiceObject => _bySource[new(WorkloadReferenceKind.Service, one.Meta.FullName)],
        WorkloadObject workload when _bySource.Any => _bySource[new(WorkloadReferenceKind.Pod, one.Meta.FullName)].Concat(workload.Owner is { } owner ? _bySource[owner] : []).Concat(_byServices[one.Meta.Namespace]),
        _ => [],
    };

    private void Add(RateLimitObject limit)
    {
        foreach (WorkloadReference source in limit.Sources) _bySource.Add(source, limit.Key);
        foreach (WorkloadReference source in limit.Sources.Where(s => s.Kind == WorkloadReferenceKind.Service)) _byServices.Add(source.Name.Namespace, limit.Key);
        foreach (TrafficTargetObject.Rule rule in limit.Rules) _byGroup.Add(rule.Route, limit.Key);
    }

    private void Remove(RateLimitObject limit)
    {
        foreach (WorkloadReference source in limit.Sources) _bySource.Remove(source, limit.Key);
        foreach (WorkloadReference source in limit.Sources.Where(s => s.Kind == WorkloadReferenceKind.Service)) _byServices.Remove(source.Name.Namespace, limit.Key);
        foreach (TrafficTargetObject.Rule rule in limit.Rules) _byGroup.Remove(rule.Route, limit.Key);
    }

    private IEnumerable<SourceError> Of(RateLimitObject limit, Func<ObjectKey, MeshObject?> find)
    {
        int values = limit.Sources.Count * RouteGroupConditions.Of(limit.Rules, find).Sum(c => 1 + RequestConditionsReader.ValuesOf(c));
        for (int i = 0; i < limit.Sources.Count; i++)
        {
            WorkloadReference source = limit.Sources[i];
            ServiceObject? service = source.Kind == WorkloadReferenceKind.Service ? find(new(ObjectKind.Service, source.Name.Namespace, source.Name.Name)) as ServiceObject : null;
            WorkloadObject[] meant = [.. MeantBy(source, service)];
            values += meant.Sum(w => w.Addresses.Count);
            if (source.Kind == WorkloadReferenceKind.Service ? service is null : meant.Length == 0)
                yield return SourceWarning.About(limit, source.Kind == WorkloadReferenceKind.Service ? $"there is no {source}: nothing of it is counted" : $"there is no pod of {source}: nothing of it is counted", "spec", "sources", i);
        }

        if (limit.Sources.Count > 1 && limit.Policy.Rules is [{ Limit: { } whole }] && whole.DividedBy(limit.Sources.Count) is var part && part.Burst < whole.Burst)
            yield return SourceWarning.About(limit, $"would have requests wait for longer than {RateLimit.MostDelay / 1_000_000_000} s at {part}, the part of each of {limit.Sources.Count} sources: of a burst of {whole.Burst}, all but {part.Burst} are answered 429 at once", "spec", "burst");
        for (int i = 0; i < limit.Rules.Count; i++)
        {
            TrafficTargetObject.Rule rule = limit.Rules[i];
            if (find(rule.Route) is not HttpRouteGroupObject group)
            {
                yield return SourceWarning.About(limit, $"there is no HTTPRouteGroup {rule.Route.Name} in namespace {rule.Route.Namespace}: no request matches it", "spec", "rules", i, "name");
                continue;
            }

            foreach (string name in rule.Matches.Where(m => !group.Matches.Any(g => g.Name == m)))
                yield return SourceWarning.About(limit, $"{rule.Route} has no match {name}, which no request is of", "spec", "rules", i, "matches");
        }

        if (values > RateLimitCompiler.MostValues)
            yield return SourceWarning.About(limit, $"all requests count together: its sources and rules come to more than {RateLimitCompiler.MostValues} addresses and conditions", "spec");
    }

    private IEnumerable<WorkloadObject> MeantBy(WorkloadReference source, ServiceObject? service)
    {
        IEnumerable<NamespacedName> names = source.Kind switch
        {
            WorkloadReferenceKind.Pod => [source.Name],
            WorkloadReferenceKind.Service => service is { Selector.IsEmpty: false } ? workloads.Selected(source.Name.Namespace, service.Selector) : [],
            _ => workloads.InNamespace(source.Name.Namespace).Where(n => workloads.Find(n)!.Owner == source),
        };
        return names.Select(workloads.Find).OfType<WorkloadObject>().Where(w => !w.HostNetwork);
    }
}

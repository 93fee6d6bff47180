using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>The TrafficTargets in force, the routes they name, and whom they have for a destination. Not thread-safe.</summary>
internal sealed class TrafficTargetIndex
{
    private readonly Dictionary<NamespacedName, TrafficTargetObject> _targets = [];
    private readonly MultiMap<string, NamespacedName> _byNamespace = new();
    private readonly Dictionary<ObjectKey, MeshObject> _routes = [];
    private readonly MultiMap<ObjectKey, NamespacedName> _byRoute = new();

    // Of requests only: what is about ports counts nothing.
    private readonly NamespaceShares _shares = new(NamespaceLimits.MostPolicyValues, NamespaceLimits.MostPolicyValuesOfAll);
    private readonly Dictionary<NamespacedName, int> _values = [];

    public IReadOnlyCollection<NamespacedName> All => _targets.Keys;

    public TrafficTargetObject? Find(NamespacedName name) => _targets.GetValueOrDefault(name);

    public MeshObject? FindRoute(ObjectKey key) => _routes.GetValueOrDefault(key);

    /// <summary>Whether there is room for a TrafficTarget's conditions on requests.</summary>
    public bool HasRoom(NamespacedName target) => !_values.ContainsKey(target) || !_shares.IsOver(target.Namespace);

    /// <summary>The TrafficTargets whose destination a workload is, by name.</summary>
    public IEnumerable<NamespacedName> Of(WorkloadObject workload) => _byNamespace[workload.Meta.Namespace].Where(n => _targets[n].Selects(workload)).Order();

    /// <summary>Puts an object in the place of another.</summary>
    /// <param name="before">A TrafficTarget or a route of SMI, as it was; null: it is new.</param>
    /// <param name="after">How it is; null: it is gone.</param>
    /// <param name="workloads">All workloads.</param>
    /// <param name="dirty">Gets what has to be compiled anew.</param>
    public void Replace(MeshObject? before, MeshObject? after, WorkloadIndex workloads, DirtyResources dirty)
    {
        ObjectKey key = (before ?? after)!.Key;
        if (key.Kind != ObjectKind.TrafficTarget)
        {
            if (after is not null) _routes[key] = after;
            else _routes.Remove(key);
            dirty.TrafficTargets.UnionWith(_byRoute[key]);
            foreach (NamespacedName target in _byRoute[key]) Count(target, dirty);
            return;
        }
        NamespacedName name = new(key.Namespace, key.Name);
        dirty.TrafficTargets.Add(name);
        var old = before as TrafficTargetObject;
        var now = after as TrafficTargetObject;
        foreach (ObjectKey route in old?.Routes ?? []) _byRoute.Remove(route, name);
        foreach (ObjectKey route in now?.Routes ?? []) _byRoute.Add(route, name);
        if (now is null)
        {
            _targets.Remove(name);
            _byNamespace.Remove(key.Namespace, name);
        }
        else
        {
            _targets[name] = now;
            _byNamespace.Add(key.Namespace, name);
        }
        Count(name, dirty);
        if (old is not null && now is not null && old.Account == now.Account) return;
        dirty.Workloads.UnionWith(workloads.InNamespace(key.Namespace).Where(w => old?.Selects(workloads.Find(w)!) == true || now?.Selects(workloads.Find(w)!) == true));
    }

    private void Count(NamespacedName name, DirtyResources dirty)
    {
        int before = _values.GetValueOrDefault(name), after = Find(name) is { } target ? TrafficTargetCompiler.ValuesOf(target, FindRoute) : 0;
        if (after == 0) _values.Remove(name);
        else _values[name] = after;
        dirty.TrafficTargets.UnionWith(_shares.Change(name.Namespace, after - before).SelectMany(ns => _byNamespace[ns]));
    }
}

using Culvert.Controller.Compilation;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Store;

/// <summary>
/// Keeps the warnings of Services whose <c>targetPort</c> is a name that none of the workloads that they select has. It counts those that have one, so that a change is as much work as there are Services that
/// select what has changed. Not thread-safe.
/// </summary>
/// <param name="workloads">The workloads, as they are after the change that is taken up.</param>
internal sealed class TargetPortWarnings(WorkloadIndex workloads)
{
    /// <summary>Those with a port by name and a selector.</summary>
    private readonly SelectorIndex<ServiceObject> _services = new(s => s.Selector);

    private readonly Tally<ObjectKey> _selected = new();
    private readonly Tally<(ObjectKey Service, string Name)> _named = new();

    /// <summary>The Services that are looked at anew at the end of the change.</summary>
    private readonly HashSet<ObjectKey> _dirty = [];
    private readonly SortedDictionary<NamespacedName, SourceError[]> _warnings = [];

    /// <summary>All of them, by Service.</summary>
    public IEnumerable<SourceError> All => _warnings.Values.SelectMany(w => w);

    /// <summary>Takes a change up that the workloads have gone through already.</summary>
    /// <param name="changes">How each object was and is; null where it was not there, or is gone.</param>
    /// <param name="find">The objects in force now.</param>
    public void Update(IReadOnlyCollection<(MeshObject? Old, MeshObject? New)> changes, Func<ObjectKey, MeshObject?> find)
    {
        (WorkloadObject? Old, WorkloadObject? New)[] changed = [.. changes.Select(c => (c.Old as WorkloadObject, c.New as WorkloadObject)).Where(c => !IsSame(c.Item1, c.Item2))];
        foreach ((WorkloadObject? old, _) in changed) Count(old, -1);
        HashSet<NamespacedName> later = [.. changed.Select(c => c.New).OfType<WorkloadObject>().Select(w => w.Meta.FullName)];
        foreach ((MeshObject? old, MeshObject? now) in changes) Replace(old as ServiceObject, now as ServiceObject, later);
        foreach ((_, WorkloadObject? now) in changed) Count(now, 1);
        foreach (ObjectKey key in _dirty) Find(new(key.Namespace, key.Name), find(key) as ServiceObject);
        _dirty.Clear();
    }

    private static bool IsSame(WorkloadObject? old, WorkloadObject? now) =>
        old is null ? now is null : now is not null && old.Meta.Labels.SequenceEqual(now.Meta.Labels) && old.Ports.Keys.SequenceEqual(now.Ports.Keys);

    private static string[] NamesOf(ServiceObject service) => service.Selector.IsEmpty ? [] : [.. service.Ports.Select(p => p.TargetName).OfType<string>().Distinct(StringComparer.Ordinal)];

    private void Replace(ServiceObject? old, ServiceObject? now, HashSet<NamespacedName> later)
    {
        if (old is not null && NamesOf(old) is { Length: > 0 } gone)
        {
            _dirty.Add(old.Key);
            _services.Remove(old);
            _selected.Forget(old.Key);
            foreach (string name in gone) _named.Forget((old.Key, name));
        }
        if (now is null || NamesOf(now).Length == 0) return;
        _dirty.Add(now.Key);
        _services.Add(now);
        foreach (NamespacedName workload in workloads.Selected(now.Meta.Namespace, now.Selector).Where(n => !later.Contains(n))) Count(now, workloads.Find(workload)!, 1);
    }

    private void Count(WorkloadObject? workload, int by)
    {
        if (workload is null) return;
        foreach (ServiceObject service in _services.Find(workload.Meta.Namespace, workload.Meta.Labels)) Count(service, workload, by);
    }

    private void Count(ServiceObject service, WorkloadObject workload, int by)
    {
        bool isNews = _selected.Count(service.Key, by);
        foreach (string name in NamesOf(service).Where(workload.Ports.ContainsKey)) isNews |= _named.Count((service.Key, name), by);
        if (isNews) _dirty.Add(service.Key);
    }

    private void Find(NamespacedName name, ServiceObject? service)
    {
        // To make one means to look its line up in the document, and a place has no more than so many told.
        SourceError[] all = service is null || !_selected.Has(service.Key)
            ? []
            : [.. service.Ports.Where(p => p.TargetName is { } target && !_named.Has((service.Key, target))).Take(SourceError.MostOfAPlace + 1).Select(p => Of(service, p))];
        if (all.Length == 0) _warnings.Remove(name);
        else _warnings[name] = all;
    }

    private static SourceError Of(ServiceObject service, ServicePortObject port) =>
        SourceWarning.About(service, $"no workload that the Service selects has a port named {port.TargetName}: port {port.Port} leads to none of them", "spec", "ports", port.Place, "targetPort");
}

using Culvert.Controller.Compilation;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Store;

/// <summary>Keeps the warnings of workloads whose ports are not left alone as they ask, because those of their namespace are too many. Not thread-safe.</summary>
internal sealed class OpenPortWarnings
{
    private readonly OpenPorts _ports = new();
    private readonly SortedDictionary<NamespacedName, SourceError> _warnings = [];

    /// <summary>All of them, by workload.</summary>
    public IEnumerable<SourceError> All => _warnings.Values;

    /// <summary>Takes changes up.</summary>
    /// <param name="changes">Objects as they were and as they are.</param>
    /// <param name="find">An object that is in force now.</param>
    public void Update(IEnumerable<(MeshObject? Old, MeshObject? New)> changes, Func<ObjectKey, MeshObject?> find)
    {
        HashSet<NamespacedName> dirty = [];
        foreach ((MeshObject? old, MeshObject? now) in changes)
        {
            if ((old ?? now) is not WorkloadObject workload) continue;
            dirty.UnionWith(_ports.Replace(old as WorkloadObject, now as WorkloadObject));
            if (now is WorkloadObject { Meta.ExcludedPorts.IsEmpty: false } || _warnings.ContainsKey(workload.Meta.FullName)) dirty.Add(workload.Meta.FullName);
        }
        foreach (NamespacedName name in dirty)
        {
            if (_ports.AreTooMany(name.Namespace) && find(new(ObjectKind.Workload, name.Namespace, name.Name)) is WorkloadObject { Meta.ExcludedPorts.IsEmpty: false } workload)
                _warnings[name] = SourceWarning.About(workload, $"has no effect: workloads of namespace {name.Namespace} ask for more than {OpenPorts.Most} ports to be left alone", "metadata", "annotations", NginxAnnotations.IgnoreIncoming);
            else _warnings.Remove(name);
        }
    }
}

using Culvert.Controller.Compilation;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Store;

/// <summary>Keeps the warnings of workloads whose annotation of NGINX Service Mesh asks for another mode of mutual TLS than they have. Not thread-safe.</summary>
/// <param name="modes">The PeerAuthentications in force, as they are when <see cref="Update"/> is called.</param>
internal sealed class NginxModeWarnings(SelectorIndex<PeerAuthenticationObject> modes)
{
    private readonly Dictionary<ObjectKey, WorkloadObject> _annotated = [];
    private readonly SortedDictionary<string, SourceError> _warnings = new(StringComparer.Ordinal);
    private MtlsMode _mesh;

    /// <summary>All of them, by workload.</summary>
    public IEnumerable<SourceError> All => _warnings.Values;

    /// <summary>Takes changes up.</summary>
    /// <param name="changes">Objects as they were and as they are.</param>
    /// <param name="mesh">The mesh's mode now.</param>
    public void Update(IEnumerable<(MeshObject? Old, MeshObject? New)> changes, MtlsMode mesh)
    {
        HashSet<ObjectKey> dirty = [];
        bool isModeChanged = mesh != _mesh;
        _mesh = mesh;
        foreach ((MeshObject? old, MeshObject? now) in changes)
        {
            isModeChanged |= (old ?? now) is PeerAuthenticationObject;
            if ((old ?? now) is not WorkloadObject one || (!_annotated.ContainsKey(one.Key) && now?.Meta.NginxMtlsMode is null)) continue;
            dirty.Add(one.Key);
            if (now is WorkloadObject { Meta.NginxMtlsMode: not null } annotated) _annotated[one.Key] = annotated;
            else _annotated.Remove(one.Key);
        }
        foreach (ObjectKey key in isModeChanged ? dirty.Union(_annotated.Keys).ToArray() : [.. dirty])
        {
            if (_annotated.TryGetValue(key, out WorkloadObject? workload) && Reason(workload) is { } reason)
                _warnings[key.ToString()] = SourceWarning.About(workload, reason, "metadata", "annotations", NginxAnnotations.MtlsModeName);
            else _warnings.Remove(key.ToString());
        }
    }

    private string? Reason(WorkloadObject workload) =>
        modes.InScope(workload.Meta).FirstOrDefault() is { } mode ? $"has no effect: {mode.Key} speaks of the workload, and counts before it"
        : workload.Meta.NginxMtlsMode < _mesh ? "has no effect: the mesh's mode is STRICT, which an annotation does not weaken"
        : null;
}

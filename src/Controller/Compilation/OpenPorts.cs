using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>
/// Counts the ports of workloads that their annotations leave alone, by namespace: each takes room in the kernel of every node that is there for the whole mesh, so that of a namespace that has too many none is left alone.
/// Not thread-safe.
/// </summary>
internal sealed class OpenPorts
{
    /// <summary>Most ports of a namespace, each counted for each address.</summary>
    public const int Most = 1024;

    private readonly Dictionary<string, int> _ports = new(StringComparer.Ordinal);
    private readonly MultiMap<string, NamespacedName> _workloads = new();

    /// <summary>Whether no port of a namespace is left alone.</summary>
    public bool AreTooMany(string ns) => _ports.GetValueOrDefault(ns) > Most;

    /// <summary>Puts a workload in the place of another.</summary>
    /// <returns>The workloads of which something else is to be said now, besides itself.</returns>
    public IReadOnlyCollection<NamespacedName> Replace(WorkloadObject? before, WorkloadObject? after)
    {
        if (Of(before) == 0 && Of(after) == 0) return [];
        NamespacedName name = (before ?? after)!.Meta.FullName;
        bool wereTooMany = AreTooMany(name.Namespace);
        int now = _ports.GetValueOrDefault(name.Namespace) - Of(before) + Of(after);
        if (now == 0) _ports.Remove(name.Namespace);
        else _ports[name.Namespace] = now;
        if (Of(after) == 0) _workloads.Remove(name.Namespace, name);
        else _workloads.Add(name.Namespace, name);
        return wereTooMany == AreTooMany(name.Namespace) ? [] : [.. _workloads[name.Namespace]];
    }

    private static int Of(WorkloadObject? workload) => workload is null ? 0 : workload.Meta.ExcludedPorts.Count * Math.Max(1, workload.Addresses.Count);
}

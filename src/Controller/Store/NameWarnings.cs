using System.Collections.Immutable;
using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Store;

/// <summary>Finds names and numbers that are valid and, likely, misspelt or not thought to the end: they name what is not there, or take a policy's effect away. Pure.</summary>
internal static class NameWarnings
{
    /// <summary>The warnings of a set, in no order.</summary>
    /// <param name="objects">The objects in force.</param>
    /// <param name="nodes">The nodes that have joined. While there is none, nothing is said of nodes: each would be unknown.</param>
    public static IEnumerable<SourceError> Find(ObjectSet objects, ImmutableHashSet<string> nodes)
    {
        AuthorizationPolicyObject[] policies = [.. objects.OfKind<AuthorizationPolicyObject>()];
        return [.. Nodes(objects, nodes), .. Namespaces(objects, policies), .. ExcludedPorts(objects, policies)];
    }

    private static IEnumerable<SourceError> Nodes(ObjectSet objects, ImmutableHashSet<string> nodes) =>
        nodes.IsEmpty ? [] : objects.OfKind<WorkloadObject>().Where(w => PolicyWarnings.IsEnrolled(w, objects) && !nodes.Contains(w.Node)).GroupBy(w => w.Node, StringComparer.Ordinal).Select(group =>
        {
            WorkloadObject first = group.First();
            string others = group.Count() == 1 ? "" : $" (and {group.Count() - 1} other)";
            return SourceWarning.About(first, $"no agent has joined as '{group.Key}' yet: nobody guards this workload{others}", "spec", "node");
        });

    private static IEnumerable<SourceError> Namespaces(ObjectSet objects, AuthorizationPolicyObject[] policies)
    {
        HashSet<string> known = [.. objects.Objects.Values.Where(o => o is not (AuthorizationPolicyObject or PeerAuthenticationObject)).Select(o => o is NamespaceObject ? o.Meta.Name : o.Meta.Namespace)];
        foreach (AuthorizationPolicyObject policy in policies)
        {
            for (int rule = 0; rule < policy.Policy.Rules.Count; rule++)
            {
                for (int from = 0; from < policy.Policy.Rules[rule].From.Count; from++)
                {
                    PolicySource source = policy.Policy.Rules[rule].From[from];
                    foreach ((string field, EquatableArray<StringPattern> patterns) in new[] { ("namespaces", source.Namespaces), ("notNamespaces", source.NotNamespaces) })
                    {
                        for (int i = 0; i < patterns.Count; i++)
                        {
                            // A pattern with '*' may well be meant for what is to come.
                            string name = patterns[i].Text;
                            if (name.Contains('*', StringComparison.Ordinal) || known.Contains(name)) continue;
                            yield return SourceWarning.About(policy, $"there is no Workload, Service or Namespace object of a namespace '{name}': nobody matches it", "spec", "rules", rule, "from", from, field, i);
                        }
                    }
                }
            }
        }
    }

    private static IEnumerable<SourceError> ExcludedPorts(ObjectSet objects, AuthorizationPolicyObject[] policies)
    {
        foreach (MeshConfigObject mesh in objects.OfKind<MeshConfigObject>())
        {
            for (int i = 0; i < mesh.Settings.ExcludedPorts.Count; i++)
            {
                ushort port = mesh.Settings.ExcludedPorts[i];
                AuthorizationPolicyObject[] naming = [.. policies.Where(p => p.Policy.Rules.Any(r => r.To.Any(t => t.Ports.Contains(port) || t.NotPorts.Contains(port))))];
                if (naming.Length == 0) continue;
                string others = naming.Length == 1 ? "" : $" and {naming.Length - 1} other";
                yield return SourceWarning.About(mesh, $"port {port} is excluded, so that no policy is asked about it, and {naming[0].Key} ({naming[0].Meta.SourceReference}){others} names it", "spec", "excludePorts", i);
            }
        }
    }
}

using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Store;

/// <summary>Finds names and numbers that are valid and, likely, misspelt or not thought to the end: they name what is not there, or take a policy's effect away. Pure.</summary>
internal static class NameWarnings
{
    /// <summary>The warning of the workloads of a node that nobody has joined as.</summary>
    /// <param name="first">The first of them by name.</param>
    /// <param name="count">How many there are.</param>
    public static SourceError UnknownNode(WorkloadObject first, int count)
    {
        string others = count == 1 ? "" : $" (and {count - 1} other)";
        return SourceWarning.About(first, $"no agent has joined as '{first.Node}' yet: nobody guards this workload{others}", "spec", "node");
    }

    /// <summary>The warnings of namespaces that a policy names and that there are not.</summary>
    /// <param name="about">The object that it was made of.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="isKnown">Whether there is one.</param>
    public static IEnumerable<SourceError> UnknownNamespaces(MeshObject about, PolicyInfo policy, Func<string, bool> isKnown)
    {
        foreach ((string name, object[] path) in NamespacesOf(policy))
        {
            if (!isKnown(name)) yield return SourceWarning.About(about, $"there is no Workload, Service or Namespace object of a namespace '{name}': nobody matches it", path);
        }
    }

    /// <summary>The namespaces that a policy names, each with where. A pattern with '*' may well be meant for what is to come.</summary>
    public static IEnumerable<(string Name, object[] Path)> NamespacesOf(PolicyInfo policy)
    {
        for (int rule = 0; rule < policy.Rules.Count; rule++)
        {
            for (int from = 0; from < policy.Rules[rule].From.Count; from++)
            {
                PolicySource source = policy.Rules[rule].From[from];
                foreach ((string field, EquatableArray<StringPattern> patterns) in new[] { ("namespaces", source.Namespaces), ("notNamespaces", source.NotNamespaces) })
                {
                    for (int i = 0; i < patterns.Count; i++)
                    {
                        if (!patterns[i].Text.Contains('*', StringComparison.Ordinal)) yield return (patterns[i].Text, ["spec", "rules", rule, "from", from, field, i]);
                    }
                }
            }
        }
    }

    /// <summary>The ports that a policy names.</summary>
    public static IEnumerable<ushort> PortsOf(AuthorizationPolicyObject policy) => policy.Policy.Rules.SelectMany(r => r.To).SelectMany(t => t.Ports.Concat(t.NotPorts)).Distinct();

    /// <summary>The warnings of excluded prefixes that hold every address of a family.</summary>
    public static IEnumerable<SourceError> ExcludedFamilies(MeshConfigObject mesh)
    {
        for (int i = 0; i < mesh.Settings.ExcludedCidrs.Count; i++)
        {
            IpPrefix prefix = mesh.Settings.ExcludedCidrs[i];
            if (prefix.Length == 0) yield return SourceWarning.About(mesh, $"{prefix} is every address, so that nothing is encrypted and no policy is asked about any connection to one", "spec", "excludeCidrs", i);
        }
    }

    /// <summary>The warnings of external authorizers that nobody is behind.</summary>
    /// <param name="mesh">The settings.</param>
    /// <param name="find">An object that is in force now.</param>
    public static IEnumerable<SourceError> MissingAuthorizers(MeshConfigObject mesh, Func<ObjectKey, MeshObject?> find)
    {
        for (int i = 0; i < mesh.Settings.ExternalAuthorizers.Count; i++)
        {
            ExternalAuthorizer authorizer = mesh.Settings.ExternalAuthorizers[i];
            if (MissingService(authorizer.Service, authorizer.Port, find) is { } missing)
                yield return SourceWarning.About(mesh, $"{missing}: {(authorizer.AllowsOnFailure ? "what it would be asked about passes" : "what it would be asked about is denied")}", "spec", "externalAuthorizers", i, "service");
        }
    }

    /// <summary>What is missing of a Service that is to be asked about requests; null: nothing.</summary>
    /// <param name="name">The Service.</param>
    /// <param name="port">Its port, of TCP.</param>
    /// <param name="find">An object that is in force now.</param>
    public static string? MissingService(NamespacedName name, ushort port, Func<ObjectKey, MeshObject?> find) => MissingOf(name, port, find(new(ObjectKind.Service, name.Namespace, name.Name)) as ServiceObject);

    /// <summary>What is missing of a Service that somebody names; null: nothing.</summary>
    /// <param name="name">The Service.</param>
    /// <param name="port">Its port, of TCP.</param>
    /// <param name="service">The Service of that name; null: there is none.</param>
    public static string? MissingOf(NamespacedName name, ushort port, ServiceObject? service) =>
        service is null ? $"there is no Service {name.Name} in namespace {name.Namespace}"
        : service.Ports.Any(p => p.Port == port && p.Protocol == TransportProtocol.Tcp) ? null : $"Service {name.Name} has no port {new TransportPort(port, TransportProtocol.Tcp)}";

    /// <summary>The warnings of excluded ports that policies name.</summary>
    /// <param name="mesh">The settings.</param>
    /// <param name="naming">The policies that name a port, by name.</param>
    public static IEnumerable<SourceError> ExcludedPorts(MeshConfigObject mesh, Func<ushort, IReadOnlyList<AuthorizationPolicyObject>> naming)
    {
        for (int i = 0; i < mesh.Settings.ExcludedPorts.Count; i++)
        {
            ushort port = mesh.Settings.ExcludedPorts[i];
            IReadOnlyList<AuthorizationPolicyObject> policies = naming(port);
            if (policies.Count == 0) continue;
            string others = policies.Count == 1 ? "" : $" and {policies.Count - 1} other";
            yield return SourceWarning.About(mesh, $"port {port} is excluded, so that no policy is asked about it, and {policies[0].Key} ({policies[0].Meta.SourceReference}){others} names it", "spec", "excludePorts", i);
        }
    }
}

using System.Globalization;

namespace Culvert.Bench.Sides;

/// <summary>
/// NetworkPolicies that a change of the world is made of. Half of them isolate the servers and half the clients; each lets in, or out to, another subnet, and the first of each half lets the lab's client call its servers.
/// </summary>
internal static class NetworkPolicies
{
    /// <summary>How many there are.</summary>
    public const int Count = 1_000;

    /// <summary>The change that puts them into force.</summary>
    /// <param name="folder">The folder that the controller reads.</param>
    /// <param name="agents">The agents of both nodes: the policies select servers on each.</param>
    public static WorldChange In(string folder, params IReadOnlyList<CulvertAgent> agents) =>
        new(Path.Combine(folder, "network-policies.yaml"), null, string.Concat(Enumerable.Range(0, Count).Select(Policy)), agents);

    private static string Policy(int i)
    {
        (string selected, string other, string type, string peers) = i % 2 == 0 ? ("server", "client", "Ingress", "from") : ("client", "server", "Egress", "to");
        string peer = i < 2 ? $$"""podSelector: {matchLabels: {app: {{other}} } }""" : string.Create(CultureInfo.InvariantCulture, $$"""ipBlock: {cidr: 10.{{100 + (i / 250)}}.{{i % 250}}.0/24}""");
        return $$"""
            ---
            apiVersion: networking.k8s.io/v1
            kind: NetworkPolicy
            metadata:
              name: policy-{{i}}
              namespace: bench
            spec:
              podSelector: {matchLabels: {app: {{selected}} } }
              policyTypes: [{{type}}]
              {{type.ToLowerInvariant()}}:
                - {{peers}}: [{{{peer}}}]
                  ports: [{port: 80}]

            """;
    }
}

using System.Globalization;
using Culvert.Labs;

namespace Culvert.Bench.Sides;

/// <summary>
/// NetworkPolicies that come into force and go again while the mesh runs. Half of them isolate the servers and half the clients; each lets in, or out to, another subnet, and the first of each half lets the lab's client call its servers.
/// </summary>
/// <param name="folder">The folder that the controller reads.</param>
/// <param name="agent">The agent that has to have put them into force.</param>
internal sealed class NetworkPolicies(string folder, CulvertAgent agent)
{
    /// <summary>How many there are.</summary>
    public const int Count = 1_000;

    private const string VersionMetric = "culvert_snapshot_version ";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private readonly string _file = Path.Combine(folder, "network-policies.yaml");
    private bool _inForce;

    /// <summary>Puts all of them into force, or none; returns when that is so.</summary>
    /// <exception cref="TimeoutException">The agent did not take them.</exception>
    public async Task SetAsync(bool inForce, CancellationToken cancellationToken)
    {
        if (_inForce == inForce) return;
        string before = await VersionAsync(cancellationToken);
        if (inForce)
        {
            // Whole at once, and not by a name that the controller reads before.
            string part = _file + ".part";
            await File.WriteAllTextAsync(part, string.Concat(Enumerable.Range(0, Count).Select(Policy)), cancellationToken);
            File.Move(part, _file);
        }
        else
        {
            File.Delete(_file);
        }
        _inForce = inForce;
        await LabWait.UntilAsync(inForce ? $"{Count} NetworkPolicies are in force" : "no NetworkPolicy is in force", async () => await VersionAsync(cancellationToken) != before, Deadline, agent.Process, cancellationToken);
    }

    private async Task<string> VersionAsync(CancellationToken cancellationToken) =>
        (await agent.MetricsAsync(cancellationToken)).Split('\n').Single(l => l.StartsWith(VersionMetric, StringComparison.Ordinal))[VersionMetric.Length..];

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

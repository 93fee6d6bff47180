using Culvert.Labs;

namespace Culvert.Bench.Sides;

/// <summary>Packet filter rules as policy engines write them: connections that are known go on, new ones between pods are allowed by port, all else is dropped.</summary>
internal static class ForwardRules
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    private const string HostStackPath = "culvert_direct_path{mode=\"host-stack\"";

    private const string Rules = """
        nft -f - <<E
        table inet bench {
          chain forward {
            type filter hook forward priority filter; policy drop;
            ct state established,related accept
            ct state invalid drop
            ip saddr 10.91.0.0/16 ip daddr 10.91.0.0/16 jump pods
          }
          chain pods {
            tcp dport { 80, 5201 } accept
            udp dport { 7000, 7001 } accept
          }
        }
        E
        """;

    /// <summary>Puts them on a node.</summary>
    public static Task AddAsync(LabNode node, CancellationToken cancellationToken) => node.ScriptAsync(Rules, cancellationToken);

    /// <summary>Takes them away. A node without them stays as it is.</summary>
    public static Task RemoveAsync(LabNode node, CancellationToken cancellationToken) =>
        node.ScriptAsync("nft add table inet bench && nft delete table inet bench", cancellationToken);

    /// <summary>Waits until the agent leaves packets between its pods to the node's forwarding, or does so no more.</summary>
    /// <param name="node">The agent's node.</param>
    /// <param name="agent">The agent.</param>
    /// <param name="inForce">Whether the rules are there.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="TimeoutException">The agent did not notice the change.</exception>
    public static Task WaitForAgentAsync(LabNode node, CulvertAgent agent, bool inForce, CancellationToken cancellationToken)
    {
        string what = $"agent of {node.Name} {(inForce ? "leaves packets to the node" : "redirects packets again")}";
        return LabWait.UntilAsync(
            what, async () => (await agent.MetricsAsync(cancellationToken)).Contains(HostStackPath, StringComparison.Ordinal) == inForce, Deadline, agent.Process, cancellationToken);
    }
}

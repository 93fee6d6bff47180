using Culvert.Labs;

namespace Culvert.Bench.Sides;

/// <summary>Packet filter rules as policy engines write them: connections that are known go on, new ones between pods are allowed by port, all else is dropped.</summary>
internal static class ForwardRules
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

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

    /// <summary>Takes them away.</summary>
    public static Task RemoveAsync(LabNode node, CancellationToken cancellationToken) => node.ScriptAsync("nft delete table inet bench", cancellationToken);

    /// <summary>Waits until the agent has found them, and leaves packets between its pods to the node's forwarding.</summary>
    /// <exception cref="TimeoutException">It did not.</exception>
    public static Task WaitForAgentAsync(LabNode node, CulvertAgent agent, CancellationToken cancellationToken) => LabWait.UntilAsync(
        $"agent of {node.Name} leaves packets to the node", async () => (await agent.MetricsAsync(cancellationToken)).Contains("culvert_direct_path{mode=\"host-stack\"", StringComparison.Ordinal), Deadline, agent.Process, cancellationToken);
}

using System.Collections.Immutable;
using System.Net;
using Culvert.Core;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>A RateLimit for the servers of a <see cref="RoutingLab"/>, as their node asks it.</summary>
internal static class LimitRules
{
    /// <summary>That of namespace <c>b</c> with one rule.</summary>
    /// <param name="lab">Whose servers.</param>
    /// <param name="name">Its name.</param>
    /// <param name="limit">The rule's numbers.</param>
    /// <param name="paths">The paths that count.</param>
    internal static RequestRules Of(RoutingLab lab, string name, RateLimit limit, params string[] paths)
    {
        NamespacedName policy = RateLimitNames.PolicyOf(new NamespacedName("b", name));
        WorkloadInfo workload = lab.Pair.Destination.Local! with { Node = "n1", PolicyNames = [policy] };
        PolicyRule rule = new() { To = [new PolicyDestination { Protocol = TransportProtocol.Tcp, Request = GateLab.Paths(paths) }], Limit = limit };
        NodeSnapshot snapshot = new()
        {
            Node = "n1",
            Workloads = ImmutableDictionary<string, WorkloadInfo>.Empty.Add(workload.Uid, workload),
            Policies = ImmutableDictionary<NamespacedName, PolicyInfo>.Empty.Add(policy, new PolicyInfo { Name = policy, Action = PolicyAction.Limit, Rules = [rule] }),
        };
        ConnectionRequest connection = new() { SourceAddress = IPAddress.Loopback, SourceWorkload = null, Authenticated = false, Destination = workload, Port = 80, Protocol = TransportProtocol.Tcp, IsRead = true };
        return RequestRules.Of(snapshot, connection, new RateLimiters(snapshot, previous: null))!;
    }
}

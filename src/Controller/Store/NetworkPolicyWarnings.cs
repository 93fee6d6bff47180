using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Store;

/// <summary>Finds what is in NetworkPolicies in force that, likely, does not what it was meant to do. Pure.</summary>
internal static class NetworkPolicyWarnings
{
    private const string NotHosts = "(one with hostNetwork counts as its node)";

    /// <summary>The warnings of a policy. Of one that is not wholly read nothing else is said: what there is of it is not what was meant.</summary>
    public static IEnumerable<SourceError> Of(NetworkPolicyObject policy, NetworkPolicyFacts facts)
    {
        if (policy.IsStricterReading) return [StricterReading(policy)];
        IEnumerable<SourceError> rules = Rules(policy, facts, "ingress", "from", policy.Ingress).Concat(Rules(policy, facts, "egress", "to", policy.Egress));
        return facts.SelectsSome ? rules : rules.Prepend(SelectsNothing(policy));
    }

    private static SourceError StricterReading(NetworkPolicyObject policy)
    {
        string directions = policy is { IsolatesIngress: true, IsolatesEgress: true } ? "ingress and egress" : policy.IsolatesIngress ? "ingress" : "egress";
        string whom = policy.Selector == LabelSelector.Everything ? $"every workload of namespace {policy.Meta.Namespace}" : $"the workloads that match {policy.Selector}";
        return SourceWarning.About(policy, $"has errors and was never good, so it is in force as far as it could be read: it isolates {whom} for {directions}, and what has an error allows nothing");
    }

    private static SourceError SelectsNothing(NetworkPolicyObject policy) =>
        SourceWarning.About(policy, $"selects nothing: {NoWorkload(policy.Meta.Namespace, null, policy.Selector)}", "spec", "podSelector");

    private static string NoWorkload(string? ns, LabelSelector? namespaces, LabelSelector pods)
    {
        string where = ns is not null ? $"in namespace {ns}" : namespaces == LabelSelector.Everything ? "in any namespace" : $"in a namespace that matches {namespaces}";
        return pods == LabelSelector.Everything ? $"there is no workload {where} {NotHosts}" : $"no workload {where} matches {pods} {NotHosts}";
    }

    private static IEnumerable<SourceError> Rules(NetworkPolicyObject policy, NetworkPolicyFacts facts, string direction, string peers, EquatableArray<NetworkPolicyRuleObject> rules)
    {
        for (int rule = 0; rule < rules.Count; rule++)
        {
            for (int i = 0; i < rules[rule].Peers.Count; i++)
            {
                if (Peer(rules[rule].Peers[i], facts) is { } reason) yield return SourceWarning.About(policy, reason, "spec", direction, rule, peers, i);
            }
            foreach ((int place, NetworkPolicyPort port) in rules[rule].PlacedPorts.Where(p => p.Port.Name.Length > 0))
            {
                if (Port(new(port.Name, port.Protocol), facts, isIngress: direction == "ingress") is { } reason) yield return SourceWarning.About(policy, reason, "spec", direction, rule, "ports", place, "port");
            }
            foreach (SourceError notCarried in NotCarried(policy, direction, rule, rules[rule])) yield return notCarried;
        }
    }

    private static string? Peer(NetworkPolicyPeerObject peer, NetworkPolicyFacts facts) => peer switch
    {
        { Pods: { } pods } when !facts.AreSome(pods) => $"means nobody: {NoWorkload(pods.Namespace, pods.Namespaces, pods.Pods)}",
        { Block: { } block } when facts.IsService(block) => $"means nobody: {block.Address} is the address of a Service, and rules mean the pods behind it",
        _ => null,
    };

    /// <summary>Names of ports are the destination's: of what is selected where it comes in, of anybody where it goes out. While nothing is selected, that is what is told.</summary>
    private static string? Port(PortName port, NetworkPolicyFacts facts, bool isIngress)
    {
        if (!facts.SomeHave(port)) return $"means no port: no workload has a {port}";
        return isIngress && facts.SelectsSome && !facts.SelectedHave(port) ? $"means no port: no workload that the policy selects has a {port}" : null;
    }

    private static IEnumerable<SourceError> NotCarried(NetworkPolicyObject policy, string direction, int rule, NetworkPolicyRuleObject declared)
    {
        if (declared.MatchesNothing && !declared.PortsNotCarried.IsEmpty)
        {
            yield return SourceWarning.About(policy, "are of SCTP only, which the mesh does not carry: the rule allows nothing", "spec", direction, rule, "ports");
            yield break;
        }
        foreach (int place in declared.PortsNotCarried)
            yield return SourceWarning.About(policy, "is of SCTP, which the mesh does not carry: it allows nothing, and the rule allows its other ports", "spec", direction, rule, "ports", place);
    }
}

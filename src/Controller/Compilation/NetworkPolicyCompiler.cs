using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>Turns a NetworkPolicy as declared into what nodes evaluate. Pure.</summary>
internal static class NetworkPolicyCompiler
{
    // Keeps the place of a rule, by which people name those behind it.
    private static readonly NetworkPolicyRule Nothing = new() { Peers = [new() { Group = "nobody" }] };

    public static NetworkPolicyInfo Compile(NetworkPolicyObject policy) => new()
    {
        Name = policy.Meta.FullName,
        IsolatesIngress = policy.IsolatesIngress,
        IsolatesEgress = policy.IsolatesEgress,
        Ingress = Compile(policy.Ingress),
        Egress = Compile(policy.Egress),
        SourceReference = policy.Meta.SourceReference,
    };

    /// <summary>The selectors of pods that its rules name as peers.</summary>
    public static IEnumerable<PodSelector> PeersOf(NetworkPolicyObject policy) => policy.Rules.SelectMany(r => r.Peers).Select(p => p.Pods).OfType<PodSelector>();

    /// <summary>The names by which its rules mean ports.</summary>
    public static IEnumerable<string> PortNamesOf(NetworkPolicyObject policy) => policy.Rules.SelectMany(r => r.Ports).Select(p => p.Name).Where(n => n.Length > 0).Distinct();

    private static EquatableArray<NetworkPolicyRule> Compile(EquatableArray<NetworkPolicyRuleObject> rules) =>
        rules.Select(r => r.MatchesNothing ? Nothing : new NetworkPolicyRule { Peers = r.Peers.Select(Compile).ToEquatableArray(), Ports = r.Ports }).ToEquatableArray();

    private static NetworkPolicyPeer Compile(NetworkPolicyPeerObject peer) => new() { Group = peer.Pods?.GroupName ?? "", Block = peer.Block, Except = peer.Except };
}

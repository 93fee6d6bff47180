using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>Turns a NetworkPolicy as declared into what nodes evaluate. Pure.</summary>
internal static class NetworkPolicyCompiler
{
    // Keeps the place of a rule, by which people name those behind it.
    private static readonly NetworkPolicyRule Nothing = new() { Peers = [new() { Group = "nobody" }] };

    /// <summary>What nodes evaluate.</summary>
    /// <param name="policy">As declared.</param>
    /// <param name="blocksCount">Whether what it says of blocks of addresses counts; otherwise they allow nothing.</param>
    /// <param name="selectorsCount">The same of its selectors of pods.</param>
    public static NetworkPolicyInfo Compile(NetworkPolicyObject policy, bool blocksCount = true, bool selectorsCount = true) => new()
    {
        Name = policy.Meta.FullName,
        IsolatesIngress = policy.IsolatesIngress,
        IsolatesEgress = policy.IsolatesEgress,
        Ingress = Compile(policy.Ingress, blocksCount, selectorsCount),
        Egress = Compile(policy.Egress, blocksCount, selectorsCount),
        SourceReference = policy.Meta.SourceReference,
    };

    /// <summary>The selectors of pods that its rules name as peers, each once; null: there is no policy.</summary>
    public static IEnumerable<PodSelector> PeersOf(NetworkPolicyObject? policy) => policy is null ? [] : policy.Rules.SelectMany(r => r.Peers).Select(p => p.Pods).OfType<PodSelector>().Distinct();

    /// <summary>The names by which its rules mean ports.</summary>
    public static IEnumerable<string> PortNamesOf(NetworkPolicyObject policy) => policy.Rules.SelectMany(r => r.Ports).Select(p => p.Name).Where(n => n.Length > 0).Distinct();

    private static EquatableArray<NetworkPolicyRule> Compile(EquatableArray<NetworkPolicyRuleObject> rules, bool blocksCount, bool selectorsCount) => rules.Select(r => Compile(r, blocksCount, selectorsCount)).ToEquatableArray();

    private static NetworkPolicyRule Compile(NetworkPolicyRuleObject rule, bool blocksCount, bool selectorsCount)
    {
        EquatableArray<NetworkPolicyPeer> peers = rule.Peers.Where(p => p.Block is null ? selectorsCount : blocksCount).Select(Compile).ToEquatableArray();

        // A rule without peers is for everybody.
        return rule.MatchesNothing || (peers.IsEmpty && !rule.Peers.IsEmpty) ? Nothing : new NetworkPolicyRule { Peers = peers, Ports = rule.Ports };
    }

    private static NetworkPolicyPeer Compile(NetworkPolicyPeerObject peer) => new() { Group = peer.Pods?.GroupName ?? "", Block = peer.Block, Except = peer.Except };
}

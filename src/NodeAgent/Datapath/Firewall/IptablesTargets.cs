namespace Culvert.NodeAgent.Datapath.Firewall;

/// <summary>What the targets of iptables do, those that are no chains.</summary>
internal static class IptablesTargets
{
    // The latter two change what pods of one node have no need of.
    private static readonly string[] Passing = ["ACCEPT", "RETURN", "TCPMSS", "CHECKSUM"];
    private static readonly string[] Changing = ["MARK", "CONNMARK", "DNAT", "SNAT", "MASQUERADE", "REDIRECT", "NETMAP", "LOG", "NFLOG"];

    /// <summary>What a target does; whatever is not known is <see cref="FilterAction.Other"/>.</summary>
    internal static FilterStep Step(string target) =>
        new(Passing.Contains(target) ? FilterAction.Pass : Changing.Contains(target) ? FilterAction.Change : FilterAction.Other, target);
}

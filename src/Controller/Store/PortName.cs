using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Store;

/// <summary>What a NetworkPolicy means by the name of a port: ports of that name and protocol.</summary>
internal readonly record struct PortName(string Name, TransportProtocol Protocol)
{
    /// <summary>The ports that rules mean by name, each once.</summary>
    public static IEnumerable<PortName> In(IEnumerable<NetworkPolicyRuleObject> rules) =>
        rules.SelectMany(r => r.Ports).Where(p => p.Name.Length > 0).Select(p => new PortName(p.Name, p.Protocol)).Distinct();

    /// <inheritdoc/>
    public override string ToString() => $"{(Protocol == TransportProtocol.Udp ? "UDP" : "TCP")} port '{Name}'";
}

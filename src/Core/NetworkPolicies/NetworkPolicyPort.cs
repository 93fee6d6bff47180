using System.Globalization;

namespace Culvert.Core;

/// <summary>Destination ports of one protocol: a range of numbers, or those that the destination calls by a name.</summary>
/// <param name="Protocol">The transport protocol.</param>
/// <param name="First">The first number, 0..65535.</param>
/// <param name="Last">The last number, not below <paramref name="First"/>.</param>
/// <param name="Name">The name of a port of the destination, see <see cref="WorkloadInfo.NamedPorts"/>; empty: the numbers count.</param>
public readonly record struct NetworkPolicyPort(TransportProtocol Protocol, ushort First, ushort Last, string Name = "")
{
    /// <summary>Every port of a protocol.</summary>
    public static NetworkPolicyPort All(TransportProtocol protocol) => new(protocol, 0, ushort.MaxValue);

    /// <summary>One port by number.</summary>
    public static NetworkPolicyPort Exactly(ushort port, TransportProtocol protocol) => new(protocol, port, port);

    /// <summary>The port that a destination calls by a name.</summary>
    public static NetworkPolicyPort Called(string name, TransportProtocol protocol) => new(protocol, 0, 0, name);

    /// <summary>Whether a port of a destination, which has those names, is meant.</summary>
    public bool Covers(ushort port, TransportProtocol protocol, EquatableArray<NamedPort> named)
    {
        if (protocol != Protocol) return false;
        if (Name.Length == 0) return port >= First && port <= Last;
        foreach (NamedPort candidate in named)
        {
            if (candidate.Port == port && candidate.Protocol == protocol && candidate.Name == Name) return true;
        }
        return false;
    }

    /// <inheritdoc/>
    public override string ToString() =>
        (Name.Length > 0 ? Name : First == Last ? First.ToString(CultureInfo.InvariantCulture) : string.Create(CultureInfo.InvariantCulture, $"{First}-{Last}"))
        + (Protocol == TransportProtocol.Udp ? "/udp" : "/tcp");
}

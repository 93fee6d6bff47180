using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Culvert.Core;

/// <summary>A port of one transport protocol, or all of its ports; written <c>80</c>, <c>80/tcp</c> or <c>53/udp</c>.</summary>
/// <param name="Port">1..65535, or 0 for every port.</param>
/// <param name="Protocol">The transport protocol.</param>
public readonly record struct TransportPort(ushort Port, TransportProtocol Protocol) : IComparable<TransportPort>
{
    /// <summary>Every TCP port and every UDP port.</summary>
    public static EquatableArray<TransportPort> All { get; } = [new(0, TransportProtocol.Tcp), new(0, TransportProtocol.Udp)];

    /// <summary>Whether a port is this one, or this one stands for every port of the protocol.</summary>
    public bool Covers(ushort port, TransportProtocol protocol) => Protocol == protocol && (Port == 0 || Port == port);

    /// <summary>Parses a port with an optional protocol, TCP where there is none; false with the reason when it is neither.</summary>
    public static bool TryParse(string? text, out TransportPort port, [NotNullWhen(false)] out string? error)
    {
        port = default;
        error = $"'{text}' is not a port such as 80 or 53/udp";
        string[] parts = (text ?? "").Split('/');
        TransportProtocol? protocol = parts.Length == 1 ? TransportProtocol.Tcp
            : parts.Length > 2 ? null
            : parts[1].ToUpperInvariant() switch
            {
                "TCP" => TransportProtocol.Tcp,
                "UDP" => TransportProtocol.Udp,
                _ => null,
            };
        if (protocol is null || !ushort.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out ushort number) || number == 0) return false;
        (port, error) = (new(number, protocol.Value), null);
        return true;
    }

    /// <summary>By protocol, then by number.</summary>
    public int CompareTo(TransportPort other)
    {
        int order = Protocol.CompareTo(other.Protocol);
        return order != 0 ? order : Port.CompareTo(other.Port);
    }

    /// <inheritdoc/>
    public override string ToString() =>
        (Port == 0 ? "*" : Port.ToString(CultureInfo.InvariantCulture)) + (Protocol == TransportProtocol.Udp ? "/udp" : "/tcp");
}

using System.Net;

namespace Culvert.Core;

/// <summary>A service: virtual addresses whose ports lead to backends.</summary>
public sealed record ServiceInfo
{
    /// <summary>Its namespace and name.</summary>
    public required NamespacedName Name { get; init; }

    /// <summary>Its virtual addresses, IPv4 and IPv6; empty for a headless service.</summary>
    public EquatableArray<IPAddress> Vips { get; init; }

    /// <summary>Whether clients are sent to backends of their own node only (<c>internalTrafficPolicy: Local</c>): a node's agent is told no others.</summary>
    public bool IsNodeLocal { get; init; }

    /// <summary>Its ports.</summary>
    public EquatableArray<ServicePort> Ports { get; init; }
}

namespace Culvert.Core;

/// <summary>A port that a workload calls by a name.</summary>
/// <param name="Name">The name.</param>
/// <param name="Port">Its number, 1..65535.</param>
/// <param name="Protocol">Its transport protocol.</param>
public readonly record struct NamedPort(string Name, ushort Port, TransportProtocol Protocol);

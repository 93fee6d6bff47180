using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>A port of a service. Either the target's number or its name is set.</summary>
internal sealed record ServicePortObject(string Name, ushort Port, TransportProtocol Protocol, ushort TargetPort, string? TargetName, string? AppProtocol);

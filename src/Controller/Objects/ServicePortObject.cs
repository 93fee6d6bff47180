using Culvert.Controller.Compilation;
using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>A port of a service. Either the target's number or its name is set.</summary>
internal sealed record ServicePortObject(string Name, ushort Port, TransportProtocol Protocol, ushort TargetPort, string? TargetName, string? AppProtocol)
{
    /// <summary>Which of the Service's ports it is as they are written: those that the mesh does not carry are left out here.</summary>
    public int Place { get; init; }

    /// <summary>The port without where it leads, which is what routes tell ports by.</summary>
    public ServicePort ToPort() => new() { Name = Name, Port = Port, Protocol = Protocol, AppProtocol = PortProtocol.Of(this) };
}

namespace Culvert.Core;

/// <summary>A TCP port of a workload whose application protocol is known.</summary>
/// <param name="Port">The port.</param>
/// <param name="Protocol">The protocol, as a Service declares it (<see cref="ServicePort.AppProtocol"/>).</param>
public readonly record struct ApplicationPort(ushort Port, string Protocol);

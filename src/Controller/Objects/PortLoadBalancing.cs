using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>How connections or sessions to a port of a service are spread; number 0 stands for the ports of the protocol that are not named.</summary>
internal readonly record struct PortLoadBalancing(TransportPort Port, LoadBalancing Mode);

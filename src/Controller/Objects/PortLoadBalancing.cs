using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>How sessions to a UDP port of a service are spread; port 0 stands for those not named.</summary>
internal readonly record struct PortLoadBalancing(ushort Port, LoadBalancing Mode);

namespace Culvert.Bench.Lab;

/// <summary>A node: a network namespace that forwards between its pods and its uplink.</summary>
/// <param name="Name">Node name in the mesh.</param>
/// <param name="Netns">Network namespace.</param>
/// <param name="Uplink">Interface towards the other node.</param>
/// <param name="Address">IPv4 address of the uplink, in a /24 both nodes share.</param>
/// <param name="PodRange">Addresses of its pods, as a prefix.</param>
/// <param name="PodGateway">Address pods use as their next hop.</param>
internal sealed record Node(string Name, string Netns, string Uplink, string Address, string PodRange, string PodGateway);

namespace Culvert.Bench.Lab;

/// <summary>A pod's worth of programs: a network namespace with one address, reached through a veth of its node.</summary>
/// <param name="Name">Short name, the workload's name in the mesh.</param>
/// <param name="Netns">Network namespace.</param>
/// <param name="Node">Node it stands on.</param>
/// <param name="Address">IPv4 address.</param>
/// <param name="HostInterface">The node's end of its veth.</param>
internal sealed record Pod(string Name, string Netns, Node Node, string Address, string HostInterface);

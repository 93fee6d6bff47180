namespace Culvert.NodeAgent.Datapath.Inside;

/// <summary>The network namespace of a workload of this node, and the link in it that has the workload's address.</summary>
/// <param name="Number">What the programs know it by (<c>cv_flow_key.space</c>), 1 to 4095; the workload's as long as it has this namespace.</param>
/// <param name="Path">A file that stands for it: below /proc, or a bind mount.</param>
/// <param name="Inode">The namespace's inode number.</param>
/// <param name="Device">Name of the link, such as eth0.</param>
/// <param name="DeviceIndex">Its index there.</param>
/// <param name="DeviceMtu">Its MTU in bytes.</param>
/// <param name="Reason">Why the workload is captured there and not at the host's end of its link.</param>
internal sealed record PodNamespace(ushort Number, string Path, ulong Inode, string Device, int DeviceIndex, int DeviceMtu, string Reason);

/// <summary>A network namespace that has an address of a workload, as it was looked at.</summary>
/// <param name="Path">A file that stands for it.</param>
/// <param name="Inode">Its inode number.</param>
/// <param name="Device">Name of the link that has the address.</param>
/// <param name="DeviceIndex">Its index.</param>
/// <param name="DeviceMtu">Its MTU in bytes.</param>
/// <param name="LeadsHere">Whether the other end of the link, or the link that it is made of, is in the agent's namespace; null: it has none, as a network card that was moved there.</param>
/// <param name="HostEnd">The index of the other end of a veth, in the agent's namespace; 0: it is none, or does not lead here.</param>
/// <param name="Obstacle">Why nothing can be captured there; null when it can.</param>
internal sealed record FoundNamespace(string Path, ulong Inode, string Device, int DeviceIndex, int DeviceMtu, bool? LeadsHere, int HostEnd, string? Obstacle);

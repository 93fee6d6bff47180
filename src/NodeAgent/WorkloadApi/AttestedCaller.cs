namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>Which pod's network namespace an application is in. Immutable.</summary>
/// <param name="Uid">The workload.</param>
/// <param name="PodUid">The pod's own uid, by which it is told apart from others of its name; null where nobody tells one.</param>
/// <param name="Link">The place at which the workload is captured: see <see cref="Datapath.LocalEndpoint.Index"/>.</param>
/// <param name="Inode">Inode number of the namespace, where it is captured inside that; 0: at the host's end of its link.</param>
internal sealed record AttestedCaller(string Uid, string? PodUid, int Link, ulong Inode);

namespace Culvert.Interop.Netlink;

/// <summary>A filter at a link's clsact or ingress qdisc (tc-filter).</summary>
/// <param name="Kind">For example "bpf", "u32", "matchall".</param>
/// <param name="Priority">1 runs first.</param>
/// <param name="Handle">Its handle; 0 in the entry that tells of a priority and no filter.</param>
/// <param name="ProgramId">The BPF program, null where it is none.</param>
public sealed record TrafficFilter(string Kind, int Priority, uint Handle, uint? ProgramId);

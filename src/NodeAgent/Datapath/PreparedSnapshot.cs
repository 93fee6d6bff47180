using Culvert.Core;

namespace Culvert.NodeAgent.Datapath;

/// <summary>All that a snapshot is to the kernel, worked out and not in force yet.</summary>
/// <param name="Start">When that was begun, as <see cref="System.Diagnostics.Stopwatch.GetTimestamp"/> has it.</param>
/// <param name="Links">The node's links as they were then.</param>
/// <param name="Plan">Which programs belong to which of them.</param>
/// <param name="Policy">The policy that the tables are made from.</param>
/// <param name="Generation">The tables.</param>
/// <param name="Shares">How the flow table is shared out.</param>
internal sealed record PreparedSnapshot(long Start, ILinks Links, LinkPlan Plan, CompiledPolicy Policy, Generation Generation, FlowShares Shares);

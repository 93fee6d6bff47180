using Culvert.Core;

namespace Culvert.NodeAgent.Datapath;

/// <summary>What is needed to give kernel records names. Thread-safe.</summary>
internal interface IFlowContext
{
    /// <summary>The snapshot in force with its look-ups.</summary>
    SnapshotIndex Index { get; }

    /// <summary>The policy rule behind a rule id of the kernel; null: none decided.</summary>
    (PolicyReference Policy, int Rule)? FindRule(uint ruleId);
}

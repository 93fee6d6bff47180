using System.Net;
using Culvert.Core;
using Culvert.NodeAgent.Reasons;
using Wire = Culvert.Protocol.V1;

namespace Culvert.NodeAgent.Admin;

/// <summary>What becomes of a connection where policies did not fit into the kernel, of which the snapshot knows nothing. Pure.</summary>
internal static class ClosedPolicyExplainer
{
    /// <summary>Why the kernel refuses what it decides about for a workload.</summary>
    internal const string Why = "the policies of its namespace need more entries than the node has room for, and what did not fit refuses all";

    // What is not asked about at all.
    private static readonly string[] Unasked = ["excluded", "itself"];

    /// <summary>Has an explanation say so, where it is so.</summary>
    /// <param name="answer">What the snapshot's policies say.</param>
    /// <param name="closed">What did not fit.</param>
    /// <param name="oracle">Knows the node, which its workloads reach whatever is said of them.</param>
    internal static void Correct(Wire.ExplainResponse answer, IReadOnlyCollection<ClosedPolicy> closed, PathOracle oracle)
    {
        if (answer.Verdict == Wire.Verdict.Deny || Unasked.Contains(answer.Reason)) return;
        if (closed.Contains(new(answer.Source.WorkloadUid, PolicyDirection.Egress)) && !oracle.IsNodeAddress(new IPAddress(answer.Destination.Address.Span)))
            Refuse(answer, answer.Source.WorkloadUid, DecisionReason.NetworkPolicyEgress);
        else if (answer is { Verdict: Wire.Verdict.Allow, Path: Wire.FlowPath.Direct or Wire.FlowPath.Passthrough } && closed.Contains(new(answer.Destination.WorkloadUid, PolicyDirection.Ingress)))
            Refuse(answer, answer.Destination.WorkloadUid, DecisionReason.NetworkPolicyIngress);
    }

    private static void Refuse(Wire.ExplainResponse answer, string workload, DecisionReason reason)
    {
        answer.Steps.Add($"denied nonetheless, at {workload}: {Why}");
        (answer.Verdict, answer.Reason, answer.Rule, answer.DecidedByNode) = (Wire.Verdict.Deny, ReasonText.Of(reason), null, "");
    }
}

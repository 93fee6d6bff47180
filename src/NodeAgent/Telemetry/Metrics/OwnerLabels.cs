using Culvert.Core;

namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>Labels that name the objects which manage the pods at both ends. A series has at most one of them for each end; the others are left out of the text.</summary>
internal static class OwnerLabels
{
    private static readonly WorkloadOwnerKind[] Kinds = [WorkloadOwnerKind.Deployment, WorkloadOwnerKind.StatefulSet, WorkloadOwnerKind.DaemonSet, WorkloadOwnerKind.Job];

    /// <summary>Their names: of the source, then of the destination.</summary>
    internal static readonly string[] Names =
    [
        "source_deployment", "source_statefulset", "source_daemonset", "source_job",
        "destination_deployment", "destination_statefulset", "destination_daemonset", "destination_job",
    ];

    /// <summary>Their values, in the order of their names; empty ones for what has no such owner.</summary>
    internal static string[] Of(WorkloadOwner? source, WorkloadOwner? destination)
    {
        string[] values = new string[2 * Kinds.Length];
        for (int i = 0; i < Kinds.Length; i++)
        {
            values[i] = source?.Kind == Kinds[i] ? source.Name : "";
            values[Kinds.Length + i] = destination?.Kind == Kinds[i] ? destination.Name : "";
        }

        return values;
    }

    /// <summary>Whether a label is one of them.</summary>
    internal static bool Has(string name) => Array.IndexOf(Names, name) >= 0;
}

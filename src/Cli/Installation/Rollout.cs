using System.Globalization;
using Culvert.Kubernetes.Resources;

namespace Culvert.Cli.Installation;

/// <summary>How far the pods of a Deployment or DaemonSet are, as <c>kubectl rollout status</c> counts.</summary>
/// <param name="Ready">Pods of the present template that have been ready for long enough.</param>
/// <param name="Wanted">How many there are to be.</param>
/// <param name="Others">Pods of earlier templates that are there, ready or not.</param>
/// <param name="IsDone">Whether all of them are, and none of an earlier template is left.</param>
internal readonly record struct Rollout(int Ready, int Wanted, int Others, bool IsDone)
{
    public static Rollout Of(Deployment deployment)
    {
        int wanted = deployment.Spec.Replicas ?? 1;
        var status = deployment.Status;
        if (status.ObservedGeneration < deployment.Metadata.Generation) return new(0, wanted, 0, IsDone: false);

        // Of which template those are that are not available nobody says: not of more than these.
        int ready = Math.Clamp(status.UpdatedReplicas - status.UnavailableReplicas, 0, status.AvailableReplicas);
        return new(ready, wanted, Math.Max(0, status.Replicas - status.UpdatedReplicas), status.UpdatedReplicas >= wanted && status.Replicas <= status.UpdatedReplicas && status.AvailableReplicas >= wanted);
    }

    // A cluster without a node that takes an agent is not done: nothing would be captured, and nothing would say so.
    public static Rollout Of(DaemonSet set)
    {
        var (status, wanted) = (set.Status, set.Status.DesiredNumberScheduled);
        if (status.ObservedGeneration < set.Metadata.Generation) return new(0, wanted, 0, IsDone: false);
        int ready = Math.Min(status.NumberAvailable, status.UpdatedNumberScheduled);
        return new(ready, wanted, Math.Max(0, status.NumberAvailable - status.UpdatedNumberScheduled), wanted > 0 && status.UpdatedNumberScheduled >= wanted && status.NumberAvailable >= wanted);
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Ready} of {Wanted} ready{(IsDone || Others == 0 ? "" : $", {Others} of the earlier version still there")}");
}

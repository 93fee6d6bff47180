using System.Globalization;
using k8s.Models;

namespace Culvert.Cli.Installation;

/// <summary>How far the pods of a Deployment or DaemonSet are, as <c>kubectl rollout status</c> counts.</summary>
/// <param name="Ready">Pods of the present template that have been ready for long enough.</param>
/// <param name="Wanted">How many there are to be.</param>
/// <param name="Others">Pods of earlier templates that are there, ready or not.</param>
/// <param name="IsDone">Whether all of them are, and none of an earlier template is left.</param>
internal readonly record struct Rollout(int Ready, int Wanted, int Others, bool IsDone)
{
    public static Rollout Of(V1Deployment deployment)
    {
        int wanted = deployment.Spec.Replicas ?? 1;
        var status = deployment.Status;
        if (IsBehind(status.ObservedGeneration, deployment.Metadata)) return new(0, wanted, 0, IsDone: false);

        // Of which template those are that are not available nobody says: not of more than these.
        var (all, updated, available) = (status.Replicas ?? 0, status.UpdatedReplicas ?? 0, status.AvailableReplicas ?? 0);
        int ready = Math.Clamp(updated - (status.UnavailableReplicas ?? 0), 0, available);
        return new(ready, wanted, Math.Max(0, all - updated), updated >= wanted && all <= updated && available >= wanted);
    }

    // A cluster without a node that takes an agent is not done: nothing would be captured, and nothing would say so.
    public static Rollout Of(V1DaemonSet set)
    {
        var (status, wanted) = (set.Status, set.Status.DesiredNumberScheduled);
        if (IsBehind(status.ObservedGeneration, set.Metadata)) return new(0, wanted, 0, IsDone: false);
        var (available, updated) = (status.NumberAvailable ?? 0, status.UpdatedNumberScheduled ?? 0);
        return new(Math.Min(available, updated), wanted, Math.Max(0, available - updated), wanted > 0 && updated >= wanted && available >= wanted);
    }

    // The status is of an earlier version of the object.
    private static bool IsBehind(long? observed, V1ObjectMeta meta) => (observed ?? 0) < (meta.Generation ?? 0);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Ready} of {Wanted} ready{(IsDone || Others == 0 ? "" : $", {Others} of the earlier version still there")}");
}

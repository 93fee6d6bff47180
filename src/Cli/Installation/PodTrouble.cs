using System.Globalization;
using k8s.Models;

namespace Culvert.Cli.Installation;

/// <summary>Says of a pod what keeps it from being ready.</summary>
internal static class PodTrouble
{
    /// <summary>In words, with the pod's name and node; null when it is ready, or is only being started.</summary>
    public static string? Of(V1Pod pod)
    {
        var reason = pod.Metadata.DeletionTimestamp is not null ? null : Unscheduled(pod) ?? pod.Status.ContainerStatuses.Select(Of).FirstOrDefault(r => r is not null);
        return reason is null ? null : $"{Name(pod)}: {reason}";
    }

    /// <summary>Whether it is ready.</summary>
    public static bool IsReady(V1Pod pod) => pod.Status.Conditions.Any(c => c is { Type: "Ready", Status: "True" });

    /// <summary>The pod, with its node where it has one.</summary>
    public static string Name(V1Pod pod) => pod.Spec.NodeName is { Length: > 0 } node ? $"{pod.Metadata.Name} on {node}" : $"{pod.Metadata.Name}";

    private static string? Unscheduled(V1Pod pod) =>
        pod.Status.Conditions.FirstOrDefault(c => c is { Type: "PodScheduled", Status: "False" }) is { } condition ? condition.Message ?? condition.Reason : null;

    private static string? Of(V1ContainerStatus container)
    {
        if (container.Ready) return null;
        if (Ended(container.State?.Terminated ?? container.LastState?.Terminated) is { } ended) return container.State?.Waiting is { Reason: { } waiting } ? $"{waiting}: {ended}" : ended;
        // What comes before a container's start in any case is no trouble.
        return container.State?.Waiting is { Reason: { } reason } wait && reason is not ("ContainerCreating" or "PodInitializing") ? Join(reason, wait.Message) : null;
    }

    private static string? Ended(V1ContainerStateTerminated? end) =>
        end is null ? null : Join(string.Create(CultureInfo.InvariantCulture, $"ended with exit code {end.ExitCode}{(end.Reason is null or "Error" ? "" : $" ({end.Reason})")}"), end.Message);

    private static string Join(string what, string? why) => string.IsNullOrWhiteSpace(why) ? what : $"{what}: {why.Trim()}";
}

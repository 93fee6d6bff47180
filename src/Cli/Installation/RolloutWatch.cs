using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Informers;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Watches;
using k8s;
using k8s.Models;

namespace Culvert.Cli.Installation;

/// <summary>Waits until the pods of a Deployment or DaemonSet are ready, and says what keeps them from it.</summary>
/// <param name="cluster">Where they are.</param>
/// <param name="progress">Who is told.</param>
/// <param name="remedy">What to do when they are not ready in time.</param>
internal sealed class RolloutWatch(ClusterObjects cluster, InstallProgress progress, string remedy)
{
    /// <summary>Waits.</summary>
    /// <param name="type">Kind of the object.</param>
    /// <param name="name">Its name, in <see cref="InstallPlan.Namespace"/>; its pods have it as <c>app.kubernetes.io/name</c>.</param>
    /// <param name="rollout">How far it is.</param>
    /// <param name="deadline">Ends the wait.</param>
    /// <param name="cancellationToken">Ends it as well, without a word.</param>
    /// <exception cref="CliException">The deadline has come; the message tells of each pod that is not ready.</exception>
    /// <exception cref="ApiException">Who asks may not list or watch the object or its pods.</exception>
    public async Task UntilDoneAsync<T>(ResourceType<T> type, string name, Func<T, Rollout> rollout, Deadline deadline, CancellationToken cancellationToken)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var changes = ClusterObjects.MakeSignal();
        var which = new ReflectorOptions { Namespace = InstallPlan.Namespace, LabelSelector = $"app.kubernetes.io/name={name}" };
        await using var workloads = cluster.Watch(type, ClusterObjects.ByName(InstallPlan.Namespace, name), changes.Writer);
        await using var pods = cluster.Watch(KnownResources.Pods, which, changes.Writer);
        using var either = deadline.Linked(cancellationToken);
        Rollout? seen = null;
        try
        {
            while (true)
            {
                seen = workloads.Cache.All() is [var workload] ? rollout(workload) : seen;
                if (seen is { IsDone: true } done)
                {
                    progress.Tell("ready", $"{type.Kind} {name}: {done}");
                    return;
                }

                ClusterObjects.ThrowIfRefused(workloads.State);
                ClusterObjects.ThrowIfRefused(pods.State);
                var troubles = pods.Cache.All().Select(PodTrouble.Of).Where(t => t is not null).Order(StringComparer.Ordinal);
                progress.Tell("waiting", string.Join("; ", troubles.Prepend($"{type.Kind} {name}: {(seen is { } now ? now.ToString() : "not seen yet")}")));
                await changes.Reader.ReadAsync(either.Token);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            var state = workloads.State.Error?.Message ?? seen?.ToString() ?? "not seen";
            var reasons = await ReasonsAsync(pods, cancellationToken);
            throw new CliException(
                ExitCode.Failed,
                $"{type.Kind} {name} is not ready after {deadline}: {string.Join("\n  ", reasons.Prepend(state))}",
                $"{remedy}; `kubectl -n {InstallPlan.Namespace} describe pods` and `… logs` say more");
        }
    }

    // What the kubelet says of a pod, such as a volume that can't be mounted, is in events only.
    private async Task<IReadOnlyList<string>> ReasonsAsync(Informer<V1Pod> pods, CancellationToken cancellationToken)
    {
        var waiting = pods.Cache.All().Where(p => !PodTrouble.IsReady(p)).OrderBy(p => p.Metadata.Name, StringComparer.Ordinal).ToArray();
        IReadOnlyList<Corev1Event> events;
        try
        {
            events = (await cluster.Of(KnownResources.Events).ListAsync(new ListOptions { Namespace = InstallPlan.Namespace, FieldSelector = "type=Warning" }, cancellationToken)).Items;
        }
        catch (ApiException e)
        {
            return [.. waiting.Select(p => PodTrouble.Of(p) ?? $"{PodTrouble.Name(p)}: not ready; its events can't be read: {e.Message}")];
        }

        // What has failed rather than what was noticed besides, which kubelets repeat as often.
        var last = events.GroupBy(e => e.InvolvedObject.Name ?? "", StringComparer.Ordinal)
            .ToDictionary(g => g.Key, g => g.MaxBy(e => (e.Reason?.StartsWith("Failed", StringComparison.Ordinal) == true, e.LastTimestamp ?? e.Metadata.CreationTimestamp))!.Message, StringComparer.Ordinal);
        return [.. waiting.Select(p => PodTrouble.Of(p) ?? $"{PodTrouble.Name(p)}: {Tell(last.GetValueOrDefault(p.Metadata.Name ?? "", "not ready"), p)}")];
    }

    // Of what a probe was answered the kubelet tells the status alone.
    private static string Tell(string reason, V1Pod pod) =>
        reason.StartsWith("Readiness probe failed", StringComparison.Ordinal) ? $"it runs and is not ready; `kubectl -n {InstallPlan.Namespace} logs {pod.Metadata.Name}` says why" : reason;
}

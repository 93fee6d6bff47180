using System.Globalization;
using System.Text;
using Culvert.Core;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Resources;
using k8s;
using k8s.Models;

namespace Culvert.Cli.Installation;

/// <summary>Takes Culvert out of a cluster, and what agents have put into nodes out of these.</summary>
internal sealed class Uninstaller(ClusterObjects cluster, InstallProgress progress)
{
    // Agents hear of it within a second or two; nothing tells when all have.
    private static readonly TimeSpan LeavingTime = TimeSpan.FromSeconds(5);
    private static readonly ListOptions Members = new() { LabelSelector = $"{MeshLabel.Key},{MeshLabel.Key}!={MeshLabel.Disabled}" };

    /// <summary>Namespaces and pods that are in the mesh by a label of their own, for people.</summary>
    public async Task<IReadOnlyList<string>> MembersAsync(CancellationToken cancellationToken)
    {
        var namespaces = await cluster.Of(KnownResources.Namespaces).ListAsync(Members, cancellationToken);
        var pods = await cluster.Of(KnownResources.Pods).ListAsync(Members, cancellationToken);
        return [.. namespaces.Items.Select(n => $"namespace {n.Metadata.Name}"), .. pods.Items.Select(p => $"pod {p.Metadata.ResourceName}")];
    }

    /// <summary>Has all members leave the mesh: takes the label off namespaces and pods, and gives agents time to let go of them.</summary>
    public async Task RemoveLabelsAsync(CancellationToken cancellationToken)
    {
        var removed = await RemoveLabelsAsync(KnownResources.Namespaces, cancellationToken) + await RemoveLabelsAsync(KnownResources.Pods, cancellationToken);
        if (removed > 0) await Task.Delay(LeavingTime, cancellationToken);
    }

    /// <summary>Empties nodes, and deletes what was installed.</summary>
    /// <param name="plan">What was installed.</param>
    /// <param name="isImageSaid">Whether nodes are emptied by the plan's image, whichever the agents have.</param>
    /// <param name="withKinds">Whether custom kinds go as well, with all objects of them.</param>
    /// <param name="deadline">Ends waiting.</param>
    /// <param name="cancellationToken">Ends all of it.</param>
    /// <exception cref="CliException">A step has not ended within the deadline.</exception>
    public async Task RunAsync(InstallPlan plan, bool isImageSaid, bool withKinds, Deadline deadline, CancellationToken cancellationToken)
    {
        // As long as any of it is there, nodes may hold something: also when a run before this one has ended halfway, or somebody has deleted the namespace.
        if (await IsAnyThereAsync(plan, cancellationToken)) await EmptyNodesAsync(plan, isImageSaid, deadline, cancellationToken);

        var deleted = 0;
        foreach (var manifest in plan.Agents.Reverse().Concat(plan.Controller.Reverse()))
        {
            if (await cluster.DeleteAsync(manifest, cancellationToken)) deleted++;
        }

        var ns = NamespaceOf(plan);
        await deadline.WaitAsync($"the end of {ns}", token => cluster.UntilGoneAsync(ns, token), cancellationToken);
        progress.Tell("removed", string.Create(CultureInfo.InvariantCulture, $"controller and agents: {deleted} objects"));
        if (withKinds) await DeleteKindsAsync(plan, deadline, cancellationToken);
        else progress.Tell("kept", "kinds of culvert.dev and their objects; --crds deletes them");
    }

    // The role is of no namespace, and goes before it.
    private async Task<bool> IsAnyThereAsync(InstallPlan plan, CancellationToken cancellationToken) =>
        await cluster.IsThereAsync(NamespaceOf(plan), cancellationToken)
        || await cluster.IsThereAsync(plan.Controller.First(m => m.Kind == "ClusterRole"), cancellationToken);

    private async Task EmptyNodesAsync(InstallPlan plan, bool isImageSaid, Deadline deadline, CancellationToken cancellationToken)
    {
        var agents = await cluster.Of(KnownResources.DaemonSets).FindAsync(new ResourceName(InstallPlan.Namespace, InstallPlan.AgentName), cancellationToken);
        if (!isImageSaid && agents?.Spec.Template.Spec.Containers is [{ Image: { } image }, ..]) plan.RemoveBy(image);
        await cluster.DeleteAsync(plan.Removal, cancellationToken);
        await UntilAgentsEndAsync(plan, deadline, cancellationToken);
        if (agents is not null) progress.Tell("removed", "agents");
        await EnsureNamespaceAsync(NamespaceOf(plan), deadline, cancellationToken);
        foreach (var needed in plan.Agents.Where(m => m.Kind != plan.Removal.Kind)) await cluster.ApplyAsync(needed, cancellationToken);
        await cluster.ApplyAsync(plan.Removal, cancellationToken);
        await new RolloutWatch(cluster, progress, "mend it and run the same again, with --image-prefix and --image-tag where nodes can't get the image").UntilDoneAsync(KnownResources.DaemonSets, InstallPlan.AgentName, Rollout.Of, deadline, cancellationToken);
        progress.Tell("removed", "what agents had put into nodes");
    }

    // Where somebody has deleted it, it is needed once more.
    private async Task EnsureNamespaceAsync(Manifest ns, Deadline deadline, CancellationToken cancellationToken)
    {
        if (await cluster.IsThereAsync(ns, cancellationToken)) return;
        await deadline.WaitAsync($"the end of {ns}", token => cluster.UntilGoneAsync(ns, token), cancellationToken);
        await cluster.ApplyAsync(ns, cancellationToken);
    }

    private static Manifest NamespaceOf(InstallPlan plan) => plan.Controller.Single(m => m.Kind == "Namespace");

    private async Task UntilAgentsEndAsync(InstallPlan plan, Deadline deadline, CancellationToken cancellationToken)
    {
        try
        {
            await deadline.WaitAsync("the end of all agents", token => cluster.UntilGoneAsync(plan.Removal, token), cancellationToken);
        }
        catch (CliException e)
        {
            IReadOnlyList<V1Pod> left;
            try
            {
                left = (await cluster.Of(KnownResources.Pods).ListAsync(new() { Namespace = InstallPlan.Namespace, LabelSelector = $"app.kubernetes.io/name={InstallPlan.AgentName}" }, cancellationToken)).Items;
            }
            catch (ApiException)
            {
                throw e; // which ones, it can't be said
            }

            if (left.Count == 0) throw;
            throw new CliException(e.Code, $"{e.Message}: {string.Join(", ", left.Select(PodTrouble.Name).Order(StringComparer.Ordinal))}", "see to these nodes, or `kubectl delete node` those that won't be back, and run the same again", e);
        }
    }

    private async Task DeleteKindsAsync(InstallPlan plan, Deadline deadline, CancellationToken cancellationToken)
    {
        foreach (var kind in plan.Kinds)
        {
            await cluster.DeleteAsync(kind, cancellationToken);
            await deadline.WaitAsync($"the end of {kind}", token => cluster.UntilGoneAsync(kind, token), cancellationToken);
        }

        progress.Tell("removed", "kinds of culvert.dev and their objects");
    }

    // From how many.
    private async Task<int> RemoveLabelsAsync<T>(ResourceType<T> type, CancellationToken cancellationToken)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var patch = Patch.Merge(Encoding.UTF8.GetBytes($$$$"""{"metadata":{"labels":{"{{{{MeshLabel.Key}}}}":null}}}"""));
        var members = await cluster.Of(type).ListAsync(Members, cancellationToken);
        foreach (var member in members.Items)
        {
            await cluster.Of(type).PatchAsync(member.Metadata.ResourceName, patch, null, cancellationToken);
            progress.Tell("removed", $"label {MeshLabel.Key} of {type.Kind} {member.Metadata.ResourceName}");
        }

        return members.Items.Count;
    }
}

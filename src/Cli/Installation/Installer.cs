using System.Globalization;
using System.Net;
using System.Text.Json;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Resources;
using k8s.Models;

namespace Culvert.Cli.Installation;

/// <summary>Puts Culvert into a cluster, or another version in its place, and sees that it works. What is already right is left alone.</summary>
internal sealed class Installer(ClusterObjects cluster, InstallProgress progress)
{
    /// <summary>What helps where nodes have the plugin in other folders of the CNI.</summary>
    public const string OtherFoldersRemedy = "`culvert uninstall`, then `culvert install` with the new ones";

    private static readonly Version OldestSupported = new(1, 25);

    /// <summary>What an installation that is there was told by options; null when there is none.</summary>
    /// <exception cref="CliException">It can't be read.</exception>
    public async Task<InstallOptions?> FindAsync(CancellationToken cancellationToken)
    {
        var ns = await cluster.Of(KnownResources.Namespaces).FindAsync(new ResourceName("", InstallPlan.Namespace), cancellationToken);
        if (ns is null || await cluster.Of(KnownResources.Deployments).FindAsync(new ResourceName(InstallPlan.Namespace, InstallPlan.ControllerName), cancellationToken) is null) return null;
        try
        {
            return InstallOptions.Read(ns.Metadata.Annotation(InstallPlan.OptionsAnnotation));
        }
        catch (JsonException e)
        {
            throw new CliException(ExitCode.BadInput, $"Namespace {InstallPlan.Namespace}: annotation {InstallPlan.OptionsAnnotation}: {e.Message}", "remove it, and say all options again");
        }
    }

    /// <summary>Makes a plan for a server: where that is older than what is supported, says so, and leaves out what it does not take.</summary>
    public InstallPlan Plan(InstallOptions options, ServerVersion server)
    {
        var plan = InstallPlan.Create(options);
        if (int.TryParse(server.Major, NumberStyles.None, CultureInfo.InvariantCulture, out var major) && int.TryParse(server.Minor.TrimEnd('+'), NumberStyles.None, CultureInfo.InvariantCulture, out var minor)
            && new Version(major, minor) < OldestSupported)
        {
            progress.Tell("warning", $"the cluster has Kubernetes {server.GitVersion}, and Culvert is made for {OldestSupported} and newer: this server checks objects less well, and replaces agents with a pause for connections between nodes");
            plan.SuitOldServer();
        }

        return plan;
    }

    /// <summary>Makes sure, before anything is changed or kept, that the controller's Service can have the address that is said.</summary>
    /// <exception cref="CliException">It has another one, which the API server does not change.</exception>
    public async Task CheckAddressAsync(InstallOptions options, CancellationToken cancellationToken)
    {
        if (options.ControllerAddress is not { } wanted) return;
        var service = await cluster.Of(KnownResources.Services).FindAsync(new ResourceName(InstallPlan.Namespace, InstallPlan.ControllerName), cancellationToken);
        if (service?.Spec.ClusterIP is not { Length: > 0 } address || IPAddress.Parse(address).Equals(IPAddress.Parse(wanted))) return;
        throw new CliException(
            ExitCode.BadInput,
            $"--controller-address {wanted}: the controller's Service has the address {address}, which can't be changed",
            $"`culvert upgrade --controller-address {address}`, which has nodes ask that one; for another `culvert uninstall`, then `culvert install`");
    }

    /// <summary>Leaves the controllers as many as they are in the cluster.</summary>
    public async Task KeepReplicasAsync(InstallPlan plan, CancellationToken cancellationToken)
    {
        var controller = await cluster.Of(KnownResources.Deployments).FindAsync(new ResourceName(InstallPlan.Namespace, InstallPlan.ControllerName), cancellationToken);
        if (controller is { Spec.Replicas: > 0 and var replicas }) plan.KeepReplicas(replicas);
    }

    /// <summary>Applies a plan step by step, each when the one before it works.</summary>
    /// <exception cref="CliException">One did not within the deadline.</exception>
    public async Task ApplyAsync(InstallPlan plan, Deadline deadline, CancellationToken cancellationToken)
    {
        await ApplyAsync("kinds of culvert.dev", plan.Kinds, cancellationToken);
        var names = plan.Kinds.Select(k => k.Name).ToHashSet(StringComparer.Ordinal);
        await deadline.WaitAsync(
            "the API server to serve the kinds of culvert.dev",
            token => cluster.UntilAsync(KnownResources.CustomResourceDefinitions, new(), cache => cache.All().Count(d => names.Contains(d.Metadata.Name ?? "") && IsServed(d)) == names.Count, token),
            cancellationToken);
        await KeepReplicasAsync(plan, cancellationToken);
        await ApplyAsync("controller", plan.Controller, cancellationToken);
        var rollouts = new RolloutWatch(cluster, progress, "mend it and run the same again; an option that was wrong is kept, and `culvert upgrade --OPTION VALUE` gives it another value");
        await rollouts.UntilDoneAsync(KnownResources.Deployments, InstallPlan.ControllerName, Rollout.Of, deadline, cancellationToken);

        // Agents that find none ask for it less and less often.
        await deadline.WaitAsync(
            $"the controller to write its roots into ConfigMap {InstallPlan.RootsName}",
            token => cluster.UntilAsync(
                KnownResources.ConfigMaps, ClusterObjects.ByName(InstallPlan.Namespace, InstallPlan.RootsName), cache => cache.All().Any(m => m.Data.ContainsKey(InstallPlan.RootsKey)), token),
            cancellationToken);
        await deadline.WaitAsync(
            $"the controller to write its roots into ValidatingWebhookConfiguration {InstallPlan.ControllerName}",
            token => cluster.UntilAsync(
                KnownResources.ValidatingWebhookConfigurations, ClusterObjects.ByName("", InstallPlan.ControllerName), cache => cache.All().Any(c => c.Webhooks.All(w => w.ClientConfig.CaBundle is { Length: > 0 })), token),
            cancellationToken);
        await ApplyAsync("agents", plan.Agents, cancellationToken);
        await rollouts.UntilDoneAsync(KnownResources.DaemonSets, InstallPlan.AgentName, Rollout.Of, deadline, cancellationToken);
        await new ConnectionWatch(cluster, progress).UntilAllAsync(deadline, cancellationToken);
    }

    private async Task ApplyAsync(string what, IReadOnlyList<Manifest> manifests, CancellationToken cancellationToken)
    {
        foreach (var manifest in manifests)
        {
            try
            {
                await cluster.ApplyAsync(manifest, cancellationToken);
            }
            catch (ApiException e) when (e.Failure == ApiFailure.Invalid && manifest.Kind == "Service" && e.Message.Contains("clusterIP", StringComparison.Ordinal) && manifest.Find("spec/clusterIP") is { } address)
            {
                throw new CliException(ExitCode.BadInput, $"--controller-address {address}: the controller's Service can't have it: {e.Message}", "give an address of the cluster's range for Services that is free, and run the same again", e);
            }
        }

        progress.Tell("applied", string.Create(CultureInfo.InvariantCulture, $"{what}: {manifests.Count} objects"));
    }

    private static bool IsServed(V1CustomResourceDefinition definition) => definition.Status.Conditions.Any(c => c is { Type: "Established", Status: "True" });
}

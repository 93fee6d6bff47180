using System.Globalization;
using System.Text.Json;
using Culvert.Controller.Progress;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Watches;
using k8s.Models;

namespace Culvert.Cli.Installation;

/// <summary>
/// Waits until a controller has the stream of each agent. An agent that is ready need not have any: it goes on with what it knows from before, and hears of no pod and no policy that is new.
/// </summary>
internal sealed class ConnectionWatch(ClusterObjects cluster, InstallProgress progress)
{
    private const int MostNamed = 5;

    /// <summary>Waits.</summary>
    /// <exception cref="CliException">The deadline has come; the message names nodes whose agents are not connected.</exception>
    /// <exception cref="Kubernetes.Errors.ApiException">Who asks may not list or watch the agents' pods or the ConfigMap.</exception>
    public async Task UntilAllAsync(Deadline deadline, CancellationToken cancellationToken)
    {
        var changes = ClusterObjects.MakeSignal();
        var which = new ReflectorOptions { Namespace = InstallPlan.Namespace, LabelSelector = $"app.kubernetes.io/name in ({InstallPlan.AgentName},{InstallPlan.ControllerName})" };
        await using var pods = cluster.Watch(KnownResources.Pods, which, changes.Writer);
        await using var told = cluster.Watch(KnownResources.ConfigMaps, ClusterObjects.ByName(InstallPlan.Namespace, InstallPlan.ProgressName), changes.Writer);
        using var either = deadline.Linked(cancellationToken);
        IReadOnlyList<string> missing = [];
        try
        {
            while (true)
            {
                ClusterObjects.ThrowIfRefused(pods.State);
                ClusterObjects.ThrowIfRefused(told.State);
                if (pods.State.IsSynced && told.State.IsSynced)
                {
                    var running = pods.Cache.All().Where(p => p.Metadata.DeletionTimestamp is null && p.Status.Phase is not ("Succeeded" or "Failed")).ToArray();
                    var nodes = running.Where(p => NameOf(p) == InstallPlan.AgentName).Select(p => p.Spec.NodeName).OfType<string>().ToHashSet(StringComparer.Ordinal);
                    var controllers = running.Where(p => NameOf(p) == InstallPlan.ControllerName).Select(p => $"{p.Metadata.Name}_").ToArray();
                    missing = [.. nodes.Except(NodesToldBy(controllers, told.Cache.All()), StringComparer.Ordinal).Order(StringComparer.Ordinal)];
                    if (missing.Count == 0)
                    {
                        progress.Tell("ready", string.Create(CultureInfo.InvariantCulture, $"controller: agents of {nodes.Count} nodes are connected"));
                        return;
                    }

                    progress.Tell("waiting", $"controller: agents are not connected yet: {Name(missing)}");
                }

                await changes.Reader.ReadAsync(either.Token);
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            var because = missing.Count == 0 ? pods.State.Error?.Message ?? told.State.Error?.Message ?? "nothing was heard of them" : Name(missing);
            throw new CliException(
                ExitCode.Failed,
                $"after {deadline} agents are not connected to the controller, and hear of no new pod or policy: {because}",
                $"`kubectl -n {InstallPlan.Namespace} logs daemonset/{InstallPlan.AgentName}` says why; where nodes trust the certificate authority of an installation that is gone (its namespace was deleted by hand, say), `culvert uninstall` takes that from them, then `culvert install`");
        }
    }

    private static string? NameOf(V1Pod pod) => pod.Metadata.Label("app.kubernetes.io/name");

    // A controller's key begins with the name of its pod. What one has left that has ended without a farewell says nothing of now.
    private static IEnumerable<string> NodesToldBy(string[] controllers, IEnumerable<V1ConfigMap> told) =>
        told.SelectMany(m => m.Data).Where(d => controllers.Any(c => d.Key.StartsWith(c, StringComparison.Ordinal))).SelectMany(d => NodesIn(d.Value));

    private static IEnumerable<string> NodesIn(string text)
    {
        try
        {
            return ProgressDocument.Read(text).Nodes;
        }
        catch (JsonException)
        {
            return []; // the controllers, who read it as well, say so in their logs
        }
    }

    private static string Name(IReadOnlyList<string> nodes) =>
        string.Create(CultureInfo.InvariantCulture, $"{string.Join(", ", nodes.Take(MostNamed))}{(nodes.Count > MostNamed ? $" and {nodes.Count - MostNamed} more" : "")}");
}

using System.Text;
using Culvert.Cli.CommandLine;
using Culvert.Cli.Installation;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Cluster;
using Culvert.Kubernetes.Tests.Support;

namespace Culvert.Cli.Tests;

/// <summary>What `culvert install` makes of agents that are ready and have no controller.</summary>
public sealed class ConnectionWatchTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Nodes_whose_agents_have_no_controller_are_named_with_what_helps()
    {
        Assert.SkipWhen(KubernetesBinaries.Missing is not null, KubernetesBinaries.Missing ?? "");
        await using var cluster = await StandInCluster.StartAsync(_ => true);
        using var folder = new TempFolder();
        var kubeconfig = folder.Write("kubeconfig", cluster.Server.Kubeconfig(ApiServer.AdminToken));
        Assert.Contains("ready    controller: agents of 0 nodes are connected", (await RunAsync(ExitCode.Ok)).Output, StringComparison.Ordinal);

        await PodAsync(InstallPlan.AgentName, "agent-1", "node1");
        await PodAsync(InstallPlan.AgentName, "agent-2", "node2");
        await PodAsync(InstallPlan.ControllerName, "a", "node1");
        await PodAsync(InstallPlan.ControllerName, "b", "node1");
        await TellAsync("gone_1", """{"written":"2026-01-01T00:00:00Z","levels":[{"read":{},"nodes":["node1","node2"]}],"refused":{}}""");
        await TellAsync("a_1", """{"written":"2026-01-01T00:00:00Z","levels":[{"read":{},"nodes":["node0","node1"]}],"refused":{}}""");
        await TellAsync("b_1", "{");
        var (output, error) = await RunAsync(ExitCode.Failed, "--timeout", "15");
        Assert.Contains("waiting  controller: agents are not connected yet: node2\n", output, StringComparison.Ordinal);
        Assert.Contains("after 15 s agents are not connected to the controller, and hear of no new pod or policy: node2\n", error, StringComparison.Ordinal);
        Assert.Contains("`culvert uninstall` takes that from them", error, StringComparison.Ordinal);

        await TellAsync("b_1", """{"written":"2026-01-01T00:00:00Z","levels":[{"read":{},"nodes":[]},{"read":{},"nodes":["node2"]}],"refused":{}}""");
        Assert.Contains("ready    controller: agents of 2 nodes are connected", (await RunAsync(ExitCode.Ok)).Output, StringComparison.Ordinal);

        async Task<(string Output, string Error)> RunAsync(ExitCode expected, params string[] arguments)
        {
            using StringWriter output = new(), said = new();
            var code = await CommandLineRunner.RunAsync(["install", .. arguments, "--kubeconfig", kubeconfig], output, said);
            Assert.True(code == (int)expected, $"{output}{said}");
            return (output.ToString(), said.ToString());
        }

        Task PodAsync(string name, string pod, string node) =>
            cluster.Server.KubectlAsync($$$"""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{{pod}}}","namespace":"{{{InstallPlan.Namespace}}}","labels":{"app.kubernetes.io/name":"{{{name}}}"}},"spec":{"nodeName":"{{{node}}}","automountServiceAccountToken":false,"containers":[{"name":"box","image":"box"}]}}""", "apply", "-f", "-");

        Task TellAsync(string controller, string document) => cluster.Admin.Resource(KnownResources.ConfigMaps).PatchAsync(
            new(InstallPlan.Namespace, InstallPlan.ProgressName), Patch.Merge(Encoding.UTF8.GetBytes($$$"""{"data":{"{{{controller}}}":{{{System.Text.Json.JsonSerializer.Serialize(document)}}}}}""")), null, Stop);
    }
}

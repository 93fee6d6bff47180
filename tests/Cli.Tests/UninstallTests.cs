using Culvert.Cli.CommandLine;
using Culvert.Cli.Installation;
using Culvert.Kubernetes.Tests.Cluster;
using Culvert.Kubernetes.Tests.Support;

namespace Culvert.Cli.Tests;

/// <summary>What `culvert uninstall` says on a real API server when it can't go on.</summary>
public sealed class UninstallTests
{
    [Fact]
    public async Task An_agent_that_does_not_end_is_named_with_its_node()
    {
        Assert.SkipWhen(KubernetesBinaries.Missing is not null, KubernetesBinaries.Missing ?? "");
        await using var server = await ApiServer.StartAsync();
        using var folder = new TempFolder();
        var kubeconfig = folder.Write("kubeconfig", server.Kubeconfig(ApiServer.AdminToken));
        const string Labels = "labels: {app.kubernetes.io/name: culvert-agent}", Spec = "{nodeName: gone-node, containers: [{name: agent, image: none}]}";
        await server.KubectlAsync($"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {InstallPlan.Namespace}}}", "apply", "-f", "-");
        await server.KubectlAsync($"apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: default, namespace: {InstallPlan.Namespace}}}", "apply", "-f", "-");
        await server.KubectlAsync(
            $$"""
            apiVersion: apps/v1
            kind: DaemonSet
            metadata: {name: culvert-agent, namespace: {{InstallPlan.Namespace}}}
            spec:
              selector: {matchLabels: {app.kubernetes.io/name: culvert-agent} }
              template:
                metadata: { {{Labels}} }
                spec: {{Spec}}
            ---
            apiVersion: v1
            kind: Pod
            metadata: {name: culvert-agent-x7, namespace: {{InstallPlan.Namespace}}, {{Labels}} }
            spec: {{Spec}}
            """,
            "apply", "-f", "-");

        // Nobody is there who would end the pods of a DaemonSet that is deleted, as on a node that is down.
        using StringWriter output = new(), error = new();
        Assert.Equal((int)ExitCode.Failed, await CommandLineRunner.RunAsync(["uninstall", "--timeout", "3", "--kubeconfig", kubeconfig], output, error));
        Assert.Contains("gave up after 3 s waiting for the end of all agents: culvert-agent-x7 on gone-node", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("kubectl delete node", error.ToString(), StringComparison.Ordinal);
    }
}

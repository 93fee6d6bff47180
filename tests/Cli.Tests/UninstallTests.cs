using System.Text;
using Culvert.Cli.CommandLine;
using Culvert.Cli.Installation;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Cluster;
using Culvert.Kubernetes.Tests.Support;

namespace Culvert.Cli.Tests;

/// <summary>What `culvert uninstall` leaves on a real API server, and what it says when it can't go on.</summary>
public sealed class UninstallTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Only_kinds_and_their_objects_are_left_and_with_crds_not_even_these()
    {
        Assert.SkipWhen(KubernetesBinaries.Missing is not null, KubernetesBinaries.Missing ?? "");
        await using var cluster = await StandInCluster.StartAsync(_ => true);
        using var folder = new TempFolder();
        var kubeconfig = folder.Write("kubeconfig", cluster.Server.Kubeconfig(ApiServer.AdminToken));
        var plan = InstallPlan.Create(new());
        if (KubernetesBinaries.IsOld) plan.SuitOldServer();

        // The object is made before there is a webhook, which nobody serves here.
        foreach (var kind in plan.Kinds) await cluster.Server.KubectlAsync(Encoding.UTF8.GetString(kind.ToJson()), "apply", "-f", "-");
        await Soon.Holds("policies are served", () => cluster.Server.IsDiscoveredAsync("culvert.dev", "v1alpha1", "authorizationpolicies"));
        await cluster.Server.KubectlAsync("apiVersion: culvert.dev/v1alpha1\nkind: AuthorizationPolicy\nmetadata: {name: mine, namespace: default}\nspec: {action: DENY}", "apply", "-f", "-");

        await RunAsync("install");
        Assert.Equal(plan.All.Select(m => m.ToString()), await ThereAsync());
        await RunAsync("uninstall");
        Assert.Equal(plan.Kinds.Select(m => m.ToString()), await ThereAsync());
        Assert.Equal("DENY", await cluster.Server.KubectlAsync("", "get", "authorizationpolicies.culvert.dev", "mine", "-n", "default", "-o", "jsonpath={.spec.action}"));
        await RunAsync("uninstall", "--crds");
        Assert.Empty(await ThereAsync());

        // Nor anything that the plan does not have.
        foreach (var type in plan.All.Select(ManifestKinds.Of).DistinctBy(t => t.FullName))
        {
            var left = await cluster.Admin.Resource(type).ListAsync(new(), Stop);
            Assert.DoesNotContain(left.Items, o => o.Metadata.NamespaceProperty == InstallPlan.Namespace || o.Metadata.Name!.Contains("culvert", StringComparison.Ordinal));
        }

        async Task RunAsync(params string[] arguments)
        {
            using StringWriter output = new(), error = new();
            var code = await CommandLineRunner.RunAsync([.. arguments, "--timeout", "60", "--kubeconfig", kubeconfig], output, error);
            Assert.True(code == (int)ExitCode.Ok, error.ToString());
        }

        async Task<IEnumerable<string>> ThereAsync()
        {
            List<string> there = [];
            foreach (var manifest in plan.All)
            {
                if (await cluster.Admin.Resource(ManifestKinds.Of(manifest)).FindAsync(new(manifest.Namespace, manifest.Name), Stop) is not null) there.Add(manifest.ToString());
            }

            return there;
        }
    }

    [Fact]
    public async Task Nodes_are_emptied_also_where_somebody_has_deleted_the_namespace()
    {
        Assert.SkipWhen(KubernetesBinaries.Missing is not null, KubernetesBinaries.Missing ?? "");
        await using var cluster = await StandInCluster.StartAsync(_ => true);
        using var folder = new TempFolder();
        var kubeconfig = folder.Write("kubeconfig", cluster.Server.Kubeconfig(ApiServer.AdminToken));
        Assert.Contains("applied", await RunAsync("install"), StringComparison.Ordinal);

        // What is in it would go with it.
        var namespaced = InstallPlan.Create(new()).All.Where(m => m.Namespace.Length > 0);
        foreach (var kind in namespaced.Select(ManifestKinds.Of).DistinctBy(t => t.FullName)) await cluster.Server.KubectlAsync("", "delete", kind.FullName, "--all", "-n", InstallPlan.Namespace);
        await cluster.Server.KubectlAsync("", "delete", "namespace", InstallPlan.Namespace);
        Assert.Contains("what agents had put into nodes", await RunAsync("uninstall"), StringComparison.Ordinal);
        Assert.Null(await cluster.Admin.Resource(KnownResources.Namespaces).FindAsync(new("", InstallPlan.Namespace), Stop));
        Assert.DoesNotContain("what agents had put into nodes", await RunAsync("uninstall"), StringComparison.Ordinal);

        async Task<string> RunAsync(string command)
        {
            using StringWriter output = new(), error = new();
            var code = await CommandLineRunner.RunAsync([command, "--timeout", "60", "--kubeconfig", kubeconfig], output, error);
            Assert.True(code == (int)ExitCode.Ok, error.ToString());
            return output.ToString();
        }
    }

    [Fact]
    public async Task An_upgrade_changes_neither_the_folders_of_the_CNI_nor_the_address_of_the_Service()
    {
        Assert.SkipWhen(KubernetesBinaries.Missing is not null, KubernetesBinaries.Missing ?? "");
        await using var cluster = await StandInCluster.StartAsync(_ => true);
        using var folder = new TempFolder();
        var kubeconfig = folder.Write("kubeconfig", cluster.Server.Kubeconfig(ApiServer.AdminToken));
        var (code, error) = await RunAsync("install", "--controller-address", "192.0.2.1");
        Assert.Equal(ExitCode.BadInput, code);
        Assert.Contains("--controller-address 192.0.2.1: the controller's Service can't have it: ", error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Ok, (await RunAsync("install")).Code);
        var address = (await cluster.Admin.Resource(KnownResources.Services).GetAsync(new(InstallPlan.Namespace, InstallPlan.ControllerName), Stop)).Spec.ClusterIP;

        (code, error) = await RunAsync("install", "--cni-bin-dir", "/opt/cni/binn");
        Assert.Equal(ExitCode.BadInput, code);
        Assert.Contains("`culvert uninstall`, then `culvert install` with the new ones", error, StringComparison.Ordinal);
        (code, error) = await RunAsync("upgrade", "--cni-bin-dir", "/opt/cni/binn");
        Assert.Equal(ExitCode.BadInput, code);
        Assert.Contains("the CNI's folders can't be changed while nodes have Culvert's plugin in /etc/cni/net.d and /opt/cni/bin", error, StringComparison.Ordinal);
        (code, error) = await RunAsync("upgrade", "--controller-address", "192.0.2.1");
        Assert.Equal(ExitCode.BadInput, code);
        Assert.Contains($"the controller's Service has the address {address}, which can't be changed", error, StringComparison.Ordinal);

        // Neither was kept, and what is as it was may be said.
        Assert.Equal((ExitCode.Ok, ""), await RunAsync("upgrade", "--cni-bin-dir", "/opt/cni/bin"));
        Assert.Equal((ExitCode.Ok, ""), await RunAsync("upgrade", "--controller-address", address!));

        async Task<(ExitCode Code, string Error)> RunAsync(params string[] arguments)
        {
            using StringWriter output = new(), said = new();
            return ((ExitCode)await CommandLineRunner.RunAsync([.. arguments, "--timeout", "60", "--kubeconfig", kubeconfig], output, said), said.ToString());
        }
    }

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

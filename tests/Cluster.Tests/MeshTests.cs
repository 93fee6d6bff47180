using Culvert.ClusterTests.Support;
using Culvert.Labs;

namespace Culvert.ClusterTests;

/// <summary>A mesh as people use it by kubectl, on a cluster with kubelets and a container runtime.</summary>
[Collection(MeshCollection.Name)]
public sealed class MeshTests(InstalledMesh mesh)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private static readonly string[] Nodes = ["node1", "node2"];

    [Fact]
    public async Task Pods_of_a_labelled_namespace_are_members_and_answer_each_other()
    {
        InstalledMesh.SkipUnlessThere();
        foreach (var node in Nodes)
        {
            string[] expected = [$"shop/{(await mesh.ShopPodAsync("client", node)).Name}", $"shop/{(await mesh.ShopPodAsync("web", node)).Name}"];
            await LabWait.UntilAsync($"pods of {node} are captured", async () => (await mesh.CapturedAsync(node)).SequenceEqual(expected), Deadline);
        }

        var client = await mesh.ShopPodAsync("client", "node1");
        var service = await mesh.Cluster.KubectlAsync("-n", "shop", "get", "service", "web", "-o", "jsonpath={.spec.clusterIP}");
        foreach (var node in Nodes) Assert.Contains($"hello from {node}", await mesh.AskAsync(client, (await mesh.ShopPodAsync("web", node)).Address), StringComparison.Ordinal);
        Assert.Contains("hello from node", await mesh.AskAsync(client, service, 80), StringComparison.Ordinal);
        var flows = await mesh.Cluster.KubectlAsync("-n", "culvert-system", "exec", (await mesh.AgentAsync("node1")).Name, "--", "culvert", "flows", "--last", "50");
        Assert.Contains("opened direct", flows, StringComparison.Ordinal);
        Assert.Contains("opened tunnel", flows, StringComparison.Ordinal);
    }

    /// <summary>The images have OpenSSL 3.5, and its client is the other side.</summary>
    [Fact]
    public async Task Tunnels_agree_on_a_post_quantum_key_exchange()
    {
        InstalledMesh.SkipUnlessThere();
        var (client, web, agent) = (await mesh.ShopPodAsync("client", "node1"), await mesh.ShopPodAsync("web", "node2"), await mesh.AgentAsync("node1"));
        Assert.Contains("hello from node2", await mesh.AskAsync(client, web.Address), StringComparison.Ordinal);
        var flows = await mesh.ScriptAsync(agent, "culvert flows --last 50");
        Assert.Contains(flows.Split('\n'), line => line.Contains("opened tunnel", StringComparison.Ordinal) && line.EndsWith("tls X25519MLKEM768", StringComparison.Ordinal));

        // It has no certificate, so the proxy refuses it after the key exchange.
        // openssl names a group without a temporary key by its TLS name.
        foreach (var (groups, agreed) in new[] { ("X25519MLKEM768:X25519", "TLS1.3 group: X25519MLKEM768"), ("X25519", "Temp Key: X25519"), ("P-256", "Temp Key: ECDH, prime256v1") })
        {
            var handshake = await mesh.ScriptAsync(agent, $"openssl s_client -connect {web.Address}:15008 -alpn h2 -groups {groups} </dev/null 2>&1 || true");
            Assert.Contains(agreed, handshake, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Who_is_not_a_member_is_refused_while_probes_of_the_kubelet_pass()
    {
        InstalledMesh.SkipUnlessThere();
        var before = await ContainersAsync();
        await mesh.AsOutsiderAsync("node1", async outsider =>
        {
            foreach (var node in Nodes) Assert.Empty(await mesh.AskAsync(outsider, (await mesh.ShopPodAsync("web", node)).Address));
        });

        // The counts themselves are of what other tests did: a node that starts anew starts its containers anew.
        Assert.EndsWith(" true true", before, StringComparison.Ordinal);
        Assert.Equal(before, await ContainersAsync());

        Task<string> ContainersAsync() =>
            mesh.Cluster.KubectlAsync("-n", "shop", "get", "pods", "-l", "app=web", "-o", "jsonpath={.items[*].status.containerStatuses[0].restartCount} {.items[*].status.containerStatuses[0].ready}");
    }

    /// <summary>It is gone from the cluster at once, and runs for as long as its kubelet takes.</summary>
    [Fact]
    public async Task A_pod_that_is_deleted_by_force_is_guarded_until_it_has_ended()
    {
        InstalledMesh.SkipUnlessThere();
        await mesh.Cluster.ApplyAsync("""
            apiVersion: v1
            kind: Pod
            metadata: {name: stubborn, namespace: shop}
            spec:
              nodeName: node1
              containers:
              - name: box
                image: localhost/box:1
                command: [sh, -c, "trap '' TERM; mkdir -p /tmp/www && echo hello from within > /tmp/www/index.html && httpd -p 8080 -h /tmp/www; while :; do sleep 1; done"]
                readinessProbe: {httpGet: {port: 8080, path: /}, periodSeconds: 1}
            """);
        try
        {
            await mesh.Cluster.KubectlAsync("-n", "shop", "wait", "--for=condition=Ready", "pod/stubborn", ClusterLab.KubeletTimeout);
            var address = await mesh.Cluster.KubectlAsync("-n", "shop", "get", "pod", "stubborn", "-o", "jsonpath={.status.podIP}");
            Assert.Contains("hello from within", await mesh.AskAsync(await mesh.ShopPodAsync("client", "node2"), address), StringComparison.Ordinal);
            await mesh.AsOutsiderAsync("node2", async outsider =>
            {
                var asking = mesh.ScriptAsync(outsider, $"i=0; while [ $i -lt 12 ]; do {InstalledMesh.Request(address, 8080).Replace("-w 3", "-w 1", StringComparison.Ordinal)}; i=$((i+1)); sleep 0.1; done 2>&1; echo asked $i times");
                await mesh.Cluster.KubectlAsync("-n", "shop", "delete", "pod", "stubborn", "--grace-period=0", "--force");
                var heard = await asking;
                Assert.Contains("asked 12 times", heard, StringComparison.Ordinal);
                Assert.DoesNotContain("hello", heard, StringComparison.Ordinal);
            });
        }
        finally
        {
            await mesh.Cluster.KubectlAsync("-n", "shop", "delete", "pod", "stubborn", "--ignore-not-found", "--grace-period=0", "--force");
        }
    }

    [Fact]
    public async Task A_policy_that_kubectl_applies_is_in_force_and_says_so()
    {
        InstalledMesh.SkipUnlessThere();
        var client = await mesh.ShopPodAsync("client", "node1");
        var servers = await Task.WhenAll(Nodes.Select(n => mesh.ShopPodAsync("web", n)));
        await mesh.Cluster.ApplyAsync("""
            apiVersion: culvert.dev/v1alpha1
            kind: AuthorizationPolicy
            metadata: {name: web, namespace: shop}
            spec:
              selector: {matchLabels: {app: web}}
              action: ALLOW
              rules:
              - from: [{identities: ["spiffe://example.org/ns/shop/sa/nobody"]}]
            """);
        try
        {
            await LabWait.UntilAsync("its status says that it is in force", async () => await ConditionAsync("Accepted") == "True" && await ConditionAsync("Programmed") == "True", Deadline);
            foreach (var server in servers) await LabWait.UntilAsync($"{server.Node} refuses", async () => (await mesh.AskAsync(client, server.Address)).Length == 0, Deadline);
        }
        finally
        {
            await mesh.Cluster.KubectlAsync("-n", "shop", "delete", "authorizationpolicy", "web");
        }

        foreach (var server in servers) await LabWait.UntilAsync($"{server.Node} answers again", async () => (await mesh.AskAsync(client, server.Address)).Contains("hello", StringComparison.Ordinal), Deadline);

        Task<string> ConditionAsync(string type) => mesh.Cluster.KubectlAsync("-n", "shop", "get", "authorizationpolicy", "web", "-o", $"jsonpath={{.status.conditions[?(@.type==\"{type}\")].status}}");
    }

    [Fact]
    public async Task What_is_not_allowed_by_a_NetworkPolicy_is_refused()
    {
        InstalledMesh.SkipUnlessThere();
        var client = await mesh.ShopPodAsync("client", "node1");
        var server = await mesh.ShopPodAsync("web", "node1");
        await mesh.Cluster.ApplyAsync("""
            apiVersion: networking.k8s.io/v1
            kind: NetworkPolicy
            metadata: {name: closed, namespace: shop}
            spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}
            """);
        try
        {
            await LabWait.UntilAsync("it is in force", async () => (await mesh.AskAsync(client, server.Address)).Length == 0, Deadline);
        }
        finally
        {
            await mesh.Cluster.KubectlAsync("-n", "shop", "delete", "networkpolicy", "closed");
        }

        await LabWait.UntilAsync("it is in force no more", async () => (await mesh.AskAsync(client, server.Address)).Contains("hello", StringComparison.Ordinal), Deadline);
    }

    [Fact]
    public async Task A_namespace_without_its_label_leaves_the_mesh_and_comes_back_with_it()
    {
        InstalledMesh.SkipUnlessThere();
        var client = await mesh.ShopPodAsync("client", "node1");
        var far = await mesh.ShopPodAsync("web", "node2");
        await mesh.Cluster.KubectlAsync("label", "namespace", "shop", "culvert.dev/mesh-");
        try
        {
            foreach (var node in Nodes) await LabWait.UntilAsync($"{node} has no workloads", async () => (await mesh.CapturedAsync(node)).Length == 0, Deadline);
            Assert.Contains("hello from node2", await mesh.AskAsync(client, far.Address), StringComparison.Ordinal);
        }
        finally
        {
            await mesh.Cluster.KubectlAsync("label", "namespace", "shop", "culvert.dev/mesh=enabled");
        }

        foreach (var node in Nodes) await LabWait.UntilAsync($"{node} has its workloads", async () => (await mesh.CapturedAsync(node)).Length == 2, Deadline);
        await LabWait.UntilAsync("they answer", async () => (await mesh.AskAsync(client, far.Address)).Contains("hello from node2", StringComparison.Ordinal), Deadline);
    }

    [Fact]
    public async Task While_an_agent_is_replaced_its_pods_reach_each_other_and_no_pod_starts_uncaptured()
    {
        InstalledMesh.SkipUnlessThere();
        var client = await mesh.ShopPodAsync("client", "node1");
        var server = await mesh.ShopPodAsync("web", "node1");
        var agent = await mesh.AgentAsync("node1");
        var asking = await Asking.BeginAsync(mesh, client, server.Address);
        await mesh.Cluster.KubectlAsync("-n", agent.Namespace, "delete", "pod", agent.Name);

        // It is gone, and the next one has not come to the point yet: this pod waits for it. What it asks before all else would be refused if it were not captured.
        var far = await mesh.ShopPodAsync("web", "node2");
        await mesh.Cluster.ApplyAsync($$"""
            apiVersion: v1
            kind: Pod
            metadata: {name: late, namespace: shop}
            spec:
              nodeName: node1
              terminationGracePeriodSeconds: 1
              containers: [{name: box, image: localhost/box:1, command: [sh, -c, "{{InstalledMesh.Request(far.Address, InstalledMesh.Port).Replace("\\", "\\\\", StringComparison.Ordinal)}} || echo refused; exec sleep 3600"]}]
            """);
        try
        {
            await mesh.Cluster.KubectlAsync("-n", "culvert-system", "rollout", "status", "daemonset/culvert-agent", ClusterLab.KubeletTimeout);
            var (asked, failed) = await asking.EndAsync();
            Assert.True(asked > 0 && failed == 0, $"{asked} asked, {failed} failed");
            await mesh.Cluster.KubectlAsync("-n", "shop", "wait", "--for=condition=Ready", "pod/late", ClusterLab.KubeletTimeout);
            await LabWait.UntilAsync("it was answered", async () => (await mesh.Cluster.KubectlAsync("-n", "shop", "logs", "late")).Contains("hello from node2", StringComparison.Ordinal), Deadline);
            Assert.DoesNotContain("refused", await mesh.Cluster.KubectlAsync("-n", "shop", "logs", "late"), StringComparison.Ordinal);
        }
        finally
        {
            await mesh.Cluster.KubectlAsync("-n", "shop", "delete", "pod", "late");
        }

        await LabWait.UntilAsync("node1 has its workloads", async () => (await mesh.CapturedAsync("node1")).Length == 2, Deadline);
    }
}

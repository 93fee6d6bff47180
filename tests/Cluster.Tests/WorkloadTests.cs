using Culvert.ClusterTests.Support;
using Culvert.Kubernetes.Tests.Cluster;
using Culvert.Labs;

namespace Culvert.ClusterTests;

/// <summary>Workloads of the kinds that people have, in a namespace of their own.</summary>
[Collection(MeshCollection.Name)]
public sealed class WorkloadTests(InstalledMesh mesh) : IAsyncLifetime
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);
    private static int _spaces;
    private readonly string _space = $"store{Interlocked.Increment(ref _spaces)}";

    public async ValueTask InitializeAsync()
    {
        if (mesh.Cluster is null) return; // the tests say why
        await mesh.Cluster.ApplyAsync($"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {_space}, labels: {{culvert.dev/mesh: enabled}}}}");
    }

    public async ValueTask DisposeAsync()
    {
        if (mesh.Cluster is not null) await mesh.Cluster.DeleteNamespaceAsync(_space);
    }

    [Fact]
    public async Task Probes_of_every_kind_pass_under_strict_mutual_TLS()
    {
        InstalledMesh.SkipUnlessThere();

        // Kubernetes has them from 1.24 on. The server is as little of HTTP/2 (RFC 9113) as answers one call of grpc.health.v1.Health/Check with SERVING: what it sends is the same each time.
        var grpc = KubernetesBinaries.IsOld ? "" : """

              - name: grpc
                image: localhost/box:1
                command:
                - sh
                - -c
                - |
                  cat > /tmp/health <<'END'
                  #!/bin/sh
                  printf '\000\000\000\004\000\000\000\000\000'
                  head -c 150 > /dev/null
                  printf '\000\000\000\004\001\000\000\000\000'
                  printf '\000\000\024\001\004\000\000\000\001\210\017\020\020application/grpc'
                  printf '\000\000\007\000\000\000\000\000\001\000\000\000\000\002\010\001'
                  printf '\000\000\017\001\005\000\000\000\001\000\013grpc-status\0010'
                  cat > /dev/null
                  END
                  chmod +x /tmp/health
                  exec nc -ll -p 9090 -e /tmp/health
                readinessProbe: {grpc: {port: 9090}, periodSeconds: 1}
                livenessProbe: {grpc: {port: 9090}, periodSeconds: 1}
            """;
        await mesh.Cluster.ApplyAsync($$$"""
            apiVersion: v1
            kind: Pod
            metadata: {name: probed, namespace: {{{_space}}}}
            spec:
              nodeName: node1
              terminationGracePeriodSeconds: 1
              containers:
              - name: web
                image: localhost/box:1
                command: [sh, -c, "mkdir -p /tmp/www && echo hello > /tmp/www/index.html && exec httpd -f -p 8080 -h /tmp/www"]
                startupProbe: {httpGet: {port: 8080, path: /}, periodSeconds: 1, failureThreshold: 30}
                readinessProbe: {httpGet: {port: 8080, path: /}, periodSeconds: 1}
                livenessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1, failureThreshold: 1}
              - name: command
                image: localhost/box:1
                readinessProbe: {exec: {command: ["true"]}, periodSeconds: 1}{{{grpc}}}
            """);
        await mesh.Cluster.KubectlAsync("-n", _space, "wait", "--for=condition=Ready", "pod/probed", ClusterLab.KubeletTimeout);

        // Who is no kubelet and no member is refused, so that it is the mesh that lets probes through.
        var address = await mesh.Cluster.KubectlAsync("-n", _space, "get", "pod", "probed", "-o", "jsonpath={.status.podIP}");
        await mesh.AsOutsiderAsync("node1", async outsider => Assert.Empty(await mesh.AskAsync(outsider, address)));
        Assert.Equal(KubernetesBinaries.IsOld ? "0 0 true true" : "0 0 0 true true true", await mesh.Cluster.KubectlAsync("-n", _space, "get", "pod", "probed", "-o", "jsonpath={.status.containerStatuses[*].restartCount} {.status.containerStatuses[*].ready}"));
    }

    [Fact]
    public async Task Pods_of_a_StatefulSet_behind_a_headless_Service_are_members_also_when_one_of_the_same_name_comes_anew()
    {
        InstalledMesh.SkipUnlessThere();
        await mesh.Cluster.ApplyAsync($$$"""
            apiVersion: v1
            kind: Service
            metadata: {name: db, namespace: {{{_space}}}}
            spec: {clusterIP: None, selector: {app: db}, ports: [{port: 8080}]}
            ---
            apiVersion: apps/v1
            kind: StatefulSet
            metadata: {name: db, namespace: {{{_space}}}}
            spec:
              serviceName: db
              replicas: 2
              podManagementPolicy: Parallel
              selector: {matchLabels: {app: db}}
              template:
                metadata: {labels: {app: db}}
                spec:
                  terminationGracePeriodSeconds: 1
                  affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: db} }}]}}
                  containers:
                  - name: db
                    image: localhost/box:1
                    command: [sh, -c, "mkdir -p /tmp/www && echo hello from $(NAME) > /tmp/www/index.html && exec httpd -f -p 8080 -h /tmp/www"]
                    env: [{name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name} }}]
                    readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
            """);
        await mesh.Cluster.KubectlAsync("-n", _space, "rollout", "status", "statefulset/db", ClusterLab.KubeletTimeout);
        var client = await mesh.ShopPodAsync("client", "node1");
        foreach (var name in new[] { "db-0", "db-1" }) await AnswersAsync(name);

        var before = await FieldAsync("db-0", "{.metadata.uid}");
        await mesh.Cluster.KubectlAsync("-n", _space, "delete", "pod", "db-0", ClusterLab.KubeletTimeout);
        await mesh.Cluster.KubectlAsync("-n", _space, "rollout", "status", "statefulset/db", ClusterLab.KubeletTimeout);
        Assert.NotEqual(before, await FieldAsync("db-0", "{.metadata.uid}"));
        await AnswersAsync("db-0");
        var member = Assert.Single((await mesh.StatusAsync(await FieldAsync("db-0", "{.spec.nodeName}")))["workloads"]!.AsArray(), w => w!["uid"]!.GetValue<string>() == $"{_space}/db-0");
        Assert.Equal(("captured", $"spiffe://example.org/ns/{_space}/sa/default"), (member!["state"]!.GetValue<string>(), member["identity"]!.GetValue<string>()));

        async Task AnswersAsync(string name)
        {
            var address = await FieldAsync(name, "{.status.podIP}");
            await LabWait.UntilAsync($"{name} answers", async () => (await mesh.AskAsync(client, address)).Contains($"hello from {name}", StringComparison.Ordinal), Deadline);
        }
    }

    [Fact]
    public async Task A_Job_whose_first_packet_is_a_request_completes()
    {
        InstalledMesh.SkipUnlessThere();
        var far = (await mesh.ShopPodAsync("web", "node2")).Address;
        await mesh.Cluster.ApplyAsync($$$"""
            apiVersion: batch/v1
            kind: Job
            metadata: {name: once, namespace: {{{_space}}}}
            spec:
              backoffLimit: 0
              template:
                spec:
                  nodeName: node1
                  restartPolicy: Never
                  containers: [{name: once, image: localhost/box:1, command: [sh, -c, "printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 10 {{{far}}} {{{InstalledMesh.Port}}} | grep 'hello from node2'"]}]
            """);
        await mesh.Cluster.KubectlAsync("-n", _space, "wait", "--for=condition=Complete", "job/once", ClusterLab.KubeletTimeout);
        await LabWait.UntilAsync("the node has let go of it", async () => !(await mesh.StatusAsync("node1"))["workloads"]!.AsArray().Any(w => w!["uid"]!.GetValue<string>().StartsWith($"{_space}/", StringComparison.Ordinal)), ClusterLab.KubeletDeadline);
    }

    [Fact]
    public async Task While_an_application_is_replaced_no_new_connection_to_its_Service_fails()
    {
        InstalledMesh.SkipUnlessThere();
        await mesh.Cluster.ApplyAsync($$$"""
            apiVersion: v1
            kind: Service
            metadata: {name: front, namespace: {{{_space}}}}
            spec: {selector: {app: front}, ports: [{port: 80, targetPort: 8080}]}
            ---
            apiVersion: apps/v1
            kind: Deployment
            metadata: {name: front, namespace: {{{_space}}}}
            spec:
              replicas: 2
              strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
              selector: {matchLabels: {app: front}}
              template:
                metadata: {labels: {app: front}}
                spec:
                  terminationGracePeriodSeconds: 8
                  containers:
                  - name: front
                    image: localhost/box:1
                    command: [sh, -c, "mkdir -p /tmp/www && echo hello > /tmp/www/index.html && exec httpd -f -p 8080 -h /tmp/www"]
                    readinessProbe: {httpGet: {port: 8080, path: /}, periodSeconds: 1}
                    lifecycle: {preStop: {exec: {command: [sleep, "5"]} }}
            """);
        await mesh.Cluster.KubectlAsync("-n", _space, "rollout", "status", "deployment/front", ClusterLab.KubeletTimeout);
        var service = await mesh.Cluster.KubectlAsync("-n", _space, "get", "service", "front", "-o", "jsonpath={.spec.clusterIP}");
        var clients = await Task.WhenAll(mesh.ShopPodAsync("client", "node1"), mesh.ShopPodAsync("client", "node2"));
        foreach (var client in clients) await LabWait.UntilAsync("it answers", async () => (await mesh.AskAsync(client, service, 80)).Contains("hello", StringComparison.Ordinal), Deadline);

        Asking[] asking = await Task.WhenAll(clients.Select(c => Asking.BeginAsync(mesh, c, service, 80)));
        await mesh.Cluster.KubectlAsync("-n", _space, "rollout", "restart", "deployment/front");
        await mesh.Cluster.KubectlAsync("-n", _space, "rollout", "status", "deployment/front", ClusterLab.KubeletTimeout);
        await LabWait.UntilAsync("those before have ended", async () => (await mesh.Cluster.KubectlAsync("-n", _space, "get", "pods", "-l", "app=front", "-o", "name")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Length == 2, ClusterLab.KubeletDeadline);
        foreach (var ask in asking)
        {
            var (asked, failed) = await ask.EndAsync();
            Assert.True(asked > 0 && failed == 0, $"{asked} asked, {failed} failed");
        }
    }

    private Task<string> FieldAsync(string pod, string path) => mesh.Cluster.KubectlAsync("-n", _space, "get", "pod", pod, "-o", $"jsonpath={path}");
}

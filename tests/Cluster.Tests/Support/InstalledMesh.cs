using System.Text.Json.Nodes;
using Culvert.Labs;
using Culvert.Tests.Shared;

namespace Culvert.ClusterTests.Support;

/// <summary>
/// A cluster with the mesh installed by <c>culvert install</c>, and in its namespace <c>shop</c>, whose pods are members, a server <c>web</c> and a client <c>client</c> on each node. Mutual TLS is strict.
/// One for all tests, which run one after the other: each leaves it as it was.
/// </summary>
public sealed class InstalledMesh : IAsyncLifetime
{
    internal const int Port = 8080;

    /// <summary>Tag of images that are no version's.</summary>
    internal const string Next = "next";

    internal static readonly string[] Images = ["culvert-agent", "culvert-controller"];

    /// <summary>Version of what is tested, and tag of its images.</summary>
    internal static string Version { get; } = typeof(Lab).Assembly.GetName().Version!.ToString(3);

    internal static string ImageName(string image, string tag) => $"localhost/{image}:{tag}";

    private const string App = """
        apiVersion: v1
        kind: Namespace
        metadata: {name: shop, labels: {culvert.dev/mesh: enabled}}
        ---
        apiVersion: culvert.dev/v1alpha1
        kind: MeshConfig
        metadata: {name: default}
        spec: {trustDomain: example.org, mtls: {mode: STRICT}, defaultAction: ALLOW}
        ---
        apiVersion: apps/v1
        kind: DaemonSet
        metadata: {name: web, namespace: shop}
        spec:
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec:
              terminationGracePeriodSeconds: 1
              containers:
              - name: web
                image: localhost/box:1
                command: [sh, -c, "mkdir -p /tmp/www && echo hello from $(NODE) > /tmp/www/index.html && exec httpd -f -p 8080 -h /tmp/www"]
                env: [{name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]
                startupProbe: {tcpSocket: {port: 8080}, periodSeconds: 1, failureThreshold: 30}
                readinessProbe: {httpGet: {port: 8080, path: /}, periodSeconds: 1}
                livenessProbe: {exec: {command: [cat, /tmp/www/index.html]}, periodSeconds: 5}
        ---
        apiVersion: apps/v1
        kind: DaemonSet
        metadata: {name: client, namespace: shop}
        spec:
          selector: {matchLabels: {app: client}}
          template:
            metadata: {labels: {app: client}}
            spec:
              terminationGracePeriodSeconds: 1
              containers: [{name: client, image: localhost/box:1}]
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: web, namespace: shop}
        spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
        """;

    // There is no DNS in the cluster.
    internal const string ControllerAddress = "10.96.0.15";

    internal ClusterLab Cluster { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        if (Missing() is not null) return; // the tests say so
        Cluster = await ClusterLab.StartAsync();
        try
        {
            await Task.WhenAll(Archives.Select(Cluster.LoadAsync));
            await InstallAsync();
        }
        catch
        {
            await Cluster.DisposeAsync(); // nobody disposes of what was not initialised
            throw;
        }
    }

    /// <summary>Has another version in the place of the one that is installed: the same by another tag.</summary>
    /// <returns>What the command has said.</returns>
    internal async Task<string> UpgradeToNextAsync()
    {
        foreach (var image in Images) await Cluster.TagAsync(ImageName(image, Version), ImageName(image, Next));
        return await Cluster.CulvertAsync("upgrade", "--image-tag", Next);
    }

    /// <summary>Installs the mesh, and what is in it.</summary>
    /// <exception cref="InvalidOperationException">It does not work in time; with what the parts of the mesh say of it.</exception>
    internal async Task InstallAsync()
    {
        await TellOfFailureAsync(() => Cluster.CulvertAsync("install", "--controller-address", ControllerAddress));
        await Cluster.KubectlAsync("wait", "--for=condition=Ready", "nodes", "--all", ClusterLab.KubeletTimeout);
        await Cluster.ApplyAsync(App);
        foreach (var name in new[] { "web", "client" }) await Cluster.KubectlAsync("-n", "shop", "rollout", "status", $"daemonset/{name}", ClusterLab.KubeletTimeout);
        await UntilAllIsWellAsync();
    }

    /// <summary>Waits until all that is in the mesh is captured, and both servers answer both clients.</summary>
    /// <exception cref="InvalidOperationException">They don't in time; with what the parts of the mesh say of it.</exception>
    internal Task UntilAllIsWellAsync() => TellOfFailureAsync(async () =>
    {
        foreach (var machine in Cluster.Machines) await LabWait.UntilAsync($"{machine.Name} has its workloads", async () => (await CapturedAsync(machine.Name)).Length == 2, TimeSpan.FromSeconds(60));
        foreach (var from in Cluster.Machines)
        {
            foreach (var to in Cluster.Machines) await AnswersAsync(from.Name, to.Name);
        }
    });

    private async Task TellOfFailureAsync(Func<Task> act)
    {
        try
        {
            await act();
        }
        catch (Exception e) when (e is ToolFailedException or TimeoutException)
        {
            throw new InvalidOperationException($"{e.Message}\n{await MeshAsync()}", e);
        }
    }

    private async Task AnswersAsync(string from, string to)
    {
        var client = await ShopPodAsync("client", from);
        var server = await ShopPodAsync("web", to);
        await LabWait.UntilAsync($"{to} answers {from}: {server.Address} asked by {client.Address}", async () => (await AskAsync(client, server.Address)).Contains($"hello from {to}", StringComparison.Ordinal), TimeSpan.FromSeconds(30));
    }

    /// <summary>What there is to know of the mesh, for people: the cluster is gone when they read of a failure.</summary>
    private async Task<string> MeshAsync()
    {
        const string Agent = "app.kubernetes.io/name=culvert-agent", Controller = "app.kubernetes.io/name=culvert-controller";
        List<string> said = [];
        await AddAsync("get", "pods", "--all-namespaces", "-o", "wide");
        await AddAsync("-n", "culvert-system", "describe", "pods", "-l", Agent);
        foreach (var label in new[] { Agent, Controller })
        {
            await AddAsync("-n", "culvert-system", "logs", "-l", label, "--prefix", "--tail=80");
            await AddAsync("-n", "culvert-system", "logs", "-l", label, "--prefix", "--tail=40", "--previous");
        }
        foreach (var machine in Cluster.Machines)
        {
            foreach (var command in new[] { "culvert status", "culvert flows --last 40" }) await SaidAsync($"{command} on {machine.Name}", async () => await ScriptAsync(await AgentAsync(machine.Name), command));
        }
        return string.Join('\n', said);

        Task AddAsync(params string[] command) => SaidAsync(string.Join(' ', command), () => Cluster.KubectlAsync(command));

        async Task SaidAsync(string what, Func<Task<string>> say)
        {
            try
            {
                said.Add($"{what}:\n{await say()}");
            }
            catch (Exception e) when (e is ToolFailedException or TimeoutException)
            {
                said.Add($"{what}: {e.Message}"); // as where none ran before
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Cluster is not null) await Cluster.DisposeAsync();
    }

    /// <summary>Skips a test where there can be no cluster.</summary>
    internal static void SkipUnlessThere() => Assert.SkipWhen(Missing() is not null, Missing() ?? "");

    /// <summary>The pod of a DaemonSet on a node, when there is one only, with an address: one before it may take a while to end, and a kubelet may say that it runs before it says where.</summary>
    internal async Task<Pod> PodAsync(string ns, string label, string node)
    {
        string[] found = [];
        await LabWait.UntilAsync(
            $"there is one pod {label} of {ns} on {node}",
            async () => (found = (await Cluster.KubectlAsync("-n", ns, "get", "pods", "-l", label, "--field-selector", $"spec.nodeName={node},status.phase=Running", "-o", "jsonpath={.items[*].metadata.name} {.items[*].status.podIP}")).Split(' ')) is [_, not ""],
            ClusterLab.KubeletDeadline);
        return new Pod(ns, found[0], node, found[1]);
    }

    internal Task<Pod> ShopPodAsync(string app, string node) => PodAsync("shop", $"app={app}", node);

    internal Task<Pod> AgentAsync(string node) => PodAsync("culvert-system", "app.kubernetes.io/name=culvert-agent", node);

    /// <summary>The machine that a pod is on, and the name of the host's end of its link there.</summary>
    internal async Task<(Machine Machine, string Link)> LinkOfAsync(Pod pod)
    {
        var machine = Cluster.Machines.Single(m => m.Name == pod.Node);
        return (machine, (await machine.RunAsync("sh", "-euc", $"ip route show table main {pod.Address} | sed 's/.* dev \\([^ ]*\\).*/\\1/'")).Trim());
    }

    /// <summary>Runs a shell script in a pod.</summary>
    internal Task<string> ScriptAsync(Pod pod, string script) => Cluster.KubectlAsync("-n", pod.Namespace, "exec", pod.Name, "--", "sh", "-c", script);

    /// <summary>A pod of a namespace that is not in the mesh, for as long as something is done with it.</summary>
    internal async Task AsOutsiderAsync(string node, Func<Pod, Task> act)
    {
        await Cluster.ApplyAsync($$"""
            apiVersion: v1
            kind: Pod
            metadata: {name: outsider, namespace: default}
            spec:
              nodeName: {{node}}
              terminationGracePeriodSeconds: 1
              containers: [{name: box, image: localhost/box:1}]
            """);
        try
        {
            await Cluster.KubectlAsync("-n", "default", "wait", "--for=condition=Ready", "pod/outsider", ClusterLab.KubeletTimeout);
            Pod outsider = new("default", "outsider", node, "");

            // That it is refused would say nothing if it had no network.
            await ScriptAsync(outsider, "nc -w 3 $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT < /dev/null");
            await act(outsider);
        }
        finally
        {
            await Cluster.KubectlAsync("-n", "default", "delete", "pod", "outsider");
        }
    }

    /// <summary>Asks a server for its page.</summary>
    /// <returns>What came; empty when nothing did within 3 s.</returns>
    internal Task<string> AskAsync(Pod from, string address, int port = Port) => ScriptAsync(from, $"{Request(address, port)} || true");

    /// <summary>What a node's agent says of itself, by the CLI in its pod.</summary>
    internal async Task<JsonNode> StatusAsync(string node)
    {
        var agent = await AgentAsync(node);
        return JsonNode.Parse(await Cluster.KubectlAsync("-n", agent.Namespace, "exec", agent.Name, "--", "sh", "-c", "culvert status -o json || [ $? = 1 ]"))!;
    }

    /// <summary>Uids of a node's workloads that are captured and have certificates.</summary>
    internal async Task<string[]> CapturedAsync(string node) =>
        [.. (await StatusAsync(node))["workloads"]!.AsArray().Where(w => w!["state"]!.GetValue<string>() == "captured" && w["certificateNotAfter"] is not null).Select(w => w!["uid"]!.GetValue<string>()).Order(StringComparer.Ordinal)];

    internal async Task<bool> IsCapturedAsync(Pod pod) => (await CapturedAsync(pod.Node)).Contains($"{pod.Namespace}/{pod.Name}");

    /// <summary>Says by a pod's own label whether it is in the mesh; null takes the label away.</summary>
    internal Task<string> LabelAsync(Pod pod, string? value) =>
        Cluster.KubectlAsync("-n", pod.Namespace, "label", "--overwrite", "pod", pod.Name, value is null ? "culvert.dev/mesh-" : $"culvert.dev/mesh={value}");

    internal static string Request(string address, int port) => $"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 3 {address} {port}";

    private static string[] Archives => [Repository.PathOf("artifacts/images/culvert-agent.tar"), Repository.PathOf("artifacts/images/culvert-controller.tar")];

    private static string? Missing() => ClusterLab.Missing() ?? (Archives.All(File.Exists) ? null : "there are no images: eng/build-images.sh makes them");

    /// <summary>A pod.</summary>
    internal sealed record Pod(string Namespace, string Name, string Node, string Address);
}

using Culvert.Labs;

namespace Culvert.ClusterTests.Support;

/// <summary>
/// The kinds of SMI and of the Gateway API, which are not there before, and a namespace <c>moved</c> of the mesh with two servers of the service account <c>guarded</c>, <c>one</c> on node1 and <c>two</c> on node2, each behind a Service
/// of its name, and a Service <c>front</c> that has none.
/// </summary>
public sealed class MigrationSpace(InstalledMesh mesh) : IAsyncLifetime
{
    internal const string Name = "moved";

    /// <summary>A second port of the servers.</summary>
    internal const int OtherPort = 8081;

    private const string Space = $$$"""
        apiVersion: v1
        kind: Namespace
        metadata: {name: {{{Name}}}, labels: {culvert.dev/mesh: enabled}}
        ---
        apiVersion: v1
        kind: ServiceAccount
        metadata: {name: guarded, namespace: {{{Name}}}}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: front, namespace: {{{Name}}}}
        spec: {selector: {app: front}, ports: [{port: 80, targetPort: 8080}]}
        """;

    private static string KindsFile => Path.Combine(AppContext.BaseDirectory, "Support", "migration-kinds.yaml");

    public async ValueTask InitializeAsync()
    {
        if (mesh.Cluster is null) return; // the tests say why
        await mesh.Cluster.ApplyAsync($"{Space}\n---\n{Server("one", "node1")}\n---\n{Server("two", "node2")}");
        await InstallKindsAsync();
        await mesh.Cluster.KubectlAsync("-n", Name, "wait", "--for=condition=Ready", "pods", "--all", ClusterLab.KubeletTimeout);
    }

    public async ValueTask DisposeAsync()
    {
        if (mesh.Cluster is null) return;
        await mesh.Cluster.KubectlAsync("delete", "-f", KindsFile, "--ignore-not-found", "--timeout=60s");
        await mesh.Cluster.DeleteNamespaceAsync(Name);
    }

    /// <summary>Has the API server know the kinds.</summary>
    internal async Task InstallKindsAsync()
    {
        await mesh.Cluster.KubectlAsync("apply", "-f", KindsFile);
        await mesh.Cluster.KubectlAsync("wait", "--for=condition=Established", "-f", KindsFile, "--timeout=30s");
    }

    /// <summary>What the controller says of an object for which its kind has no status; empty when it says nothing.</summary>
    /// <param name="name">The object as the controller calls it.</param>
    internal async Task<string> ProblemsOfAsync(string name) =>
        string.Join('\n', (await mesh.StatusAsync("node1"))["objects"]!["problems"]!.AsArray().Where(p => p!["object"]?.GetValue<string>() == name).Select(p => $"{p!["severity"]} {p["field"]}: {p["reason"]}"));

    private static string Server(string name, string node) => $$$"""
        apiVersion: v1
        kind: Pod
        metadata: {name: {{{name}}}, namespace: {{{Name}}}, labels: {app: {{{name}}}}}
        spec:
          nodeName: {{{node}}}
          serviceAccountName: guarded
          terminationGracePeriodSeconds: 1
          containers:
          - name: web
            image: localhost/box:1
            command: [sh, -c, "mkdir -p /tmp/www && echo hello from {{{name}}} > /tmp/www/index.html && httpd -p {{{OtherPort}}} -h /tmp/www && exec httpd -f -p 8080 -h /tmp/www"]
            readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: {{{name}}}, namespace: {{{Name}}}}
        spec: {selector: {app: {{{name}}}}, ports: [{port: 80, targetPort: 8080}]}
        """;
}

using System.Globalization;
using System.Text;
using Culvert.Bench.Http;
using Culvert.Labs;

namespace Culvert.Bench.Sides;

/// <summary>
/// The folder the controller reads: the lab's pods, and as many more workloads and policies, on nodes that do not exist here, as a cluster of a
/// thousand pods has. Policies select and admit by identity, namespace, address and port, and let the lab's client call its servers.
/// </summary>
internal static class World
{
    /// <summary>Workloads in all.</summary>
    public const int Workloads = 1_000;

    /// <summary>Policies in all.</summary>
    public const int Policies = 100;

    /// <summary>A Service on the client's node whose datagrams go through the node's proxy.</summary>
    public const string ProxiedAddress = "10.96.0.53";

    /// <summary>A Service on the other node whose ports the mesh reads as HTTP; they are those of the application.</summary>
    public const string HttpAddress = "10.96.0.80";

    /// <summary>The same on the client's node.</summary>
    public const string HttpSameAddress = "10.96.0.81";

    /// <summary>The Service of the server on the other node.</summary>
    public const string HttpName = "http";

    private const int WorkloadsPerNamespace = 20;
    private const int OtherNodes = 30;

    public static void Write(string folder, Topology nodes)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "mesh.yaml"), Mesh);
        File.WriteAllText(Path.Combine(folder, "lab.yaml"), string.Concat(
            new[] { nodes.Client, nodes.ServerSame, nodes.ServerCross, nodes.ServerFar }.Select(Pod)));
        File.WriteAllText(Path.Combine(folder, "services.yaml"), ProxiedService(nodes.ServerSame) + HttpService(HttpName, HttpAddress, nodes.ServerCross) + HttpService("http-same", HttpSameAddress, nodes.ServerSame));
        File.WriteAllText(Path.Combine(folder, "others.yaml"), string.Concat(Enumerable.Range(0, Workloads - 4).Select(Other)));
        File.WriteAllText(Path.Combine(folder, "policies.yaml"), LabPolicy() + RequestPolicies.ForSameNode(nodes.ServerSame) + string.Concat(Enumerable.Range(0, Policies - 1).Select(Policy)));
    }

    /// <summary>The change by which tunnels come from the pods' addresses.</summary>
    /// <param name="folder">The folder that the controller reads.</param>
    /// <param name="agents">The agents of both nodes: the mesh's settings reach each.</param>
    public static WorldChange PodTunnels(string folder, params IReadOnlyList<CulvertAgent> agents) =>
        new(Path.Combine(folder, "mesh.yaml"), Mesh, Mesh.TrimEnd('\n') + "\n  tunnelSource: POD\n", agents);

    private const string Mesh = """
        apiVersion: culvert.dev/v1alpha1
        kind: MeshConfig
        metadata:
          name: default
        spec:
          trustDomain: bench.culvert
          defaultAction: ALLOW
          mtls:
            mode: STRICT

        """;

    private static string LabPolicy() => $$"""
        ---
        apiVersion: culvert.dev/v1alpha1
        kind: AuthorizationPolicy
        metadata:
          name: client-to-servers
          namespace: bench
        spec:
          selector:
            matchLabels:
              app: server
          action: ALLOW
          rules:
            - from:
                - identities: ["spiffe://bench.culvert/ns/bench/sa/client"]
              to:
                - ports: [80, {{Application.Http1Port}}, {{Application.Http2Port}}, {{GrpcApplication.Port}}, 5201, 7000, 7001]

        """;

    // Choosing by more than a turn each is the proxy's to do, so datagrams to this address take the way through it although the server is near.
    private static string ProxiedService(LabPod server) => Service(
        "proxied", ProxiedAddress, server, "culvert.dev/udp-load-balancing: SourceHash", "{name: count, port: 7000, protocol: UDP}", "{name: echo, port: 7001, protocol: UDP}");

    private static string HttpService(string name, string address, LabPod server) => Service(
        name, address, server, "",
        $"{{name: http1, port: {Application.Http1Port}, appProtocol: http}}",
        $"{{name: http2, port: {Application.Http2Port}, appProtocol: kubernetes.io/h2c}}",
        $"{{name: grpc, port: {GrpcApplication.Port}, appProtocol: grpc}}");

    private static string Service(string name, string address, LabPod server, string annotations, params IReadOnlyList<string> ports) => $$"""
        ---
        apiVersion: v1
        kind: Service
        metadata:
          name: {{name}}
          namespace: bench
          annotations: { {{annotations}} }
        spec:
          clusterIP: {{address}}
          ports: [{{string.Join(", ", ports)}}]
        ---
        apiVersion: discovery.k8s.io/v1
        kind: EndpointSlice
        metadata:
          name: {{name}}
          namespace: bench
          labels:
            kubernetes.io/service-name: {{name}}
        addressType: IPv4
        endpoints:
          - addresses: ["{{server.Address4}}"]
        ports: [{{string.Join(", ", ports)}}]

        """;

    private static string Pod(LabPod pod) => Workload(
        pod.Name, "bench", pod.Name.StartsWith("server", StringComparison.Ordinal) ? "server" : "client", pod.Node.Name,
        pod.Address4.ToString(), pod.HostInterface, RequestPolicies.LabelOf(pod));

    private static string Other(int i) => Workload(
        $"workload-{i}", $"team-{i / WorkloadsPerNamespace}", $"app-{i % WorkloadsPerNamespace}", $"other-{i % OtherNodes}",
        string.Create(CultureInfo.InvariantCulture, $"10.92.{i / 250}.{(i % 250) + 1}"), null);

    private static string Workload(string name, string ns, string app, string node, string address, string? hostInterface, string? label = null)
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"""
            ---
            apiVersion: culvert.dev/v1alpha1
            kind: Workload
            metadata:
              name: {name}
              namespace: {ns}
              labels:
                app: {app}
            spec:
              node: {node}
              serviceAccount: {app}
              addresses: ["{address}"]

            """);
        if (label is not null) text.Replace("  labels:\n", $"  labels:\n    {label}\n");
        if (hostInterface is not null) text.Append(CultureInfo.InvariantCulture, $"  interface: {hostInterface}\n");
        return text.ToString();
    }

    private static string Policy(int i) => string.Create(CultureInfo.InvariantCulture, $"""
        ---
        apiVersion: culvert.dev/v1alpha1
        kind: AuthorizationPolicy
        metadata:
          name: policy-{i}
          namespace: team-{i % 50}
        spec:
          selector:
            matchLabels:
              app: app-{i % WorkloadsPerNamespace}
          action: {(i % 10 == 9 ? "DENY" : "ALLOW")}
          rules:
            - from:
                - identities: ["spiffe://bench.culvert/ns/team-{(i + 1) % 50}/sa/app-{i % 7}"]
                - namespaces: ["team-{(i + 2) % 50}"]
                - ipBlocks: ["10.92.{i % 4}.0/24"]
              to:
                - ports: [{8000 + i}, 443]

        """);
}

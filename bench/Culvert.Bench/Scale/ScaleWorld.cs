using System.Globalization;

namespace Culvert.Bench.Scale;

/// <summary>
/// The folder that the controller of a scale run reads. Each Service with its endpoints, each policy and the pods of each node have a file of their own, so that a change is one small file that is replaced.
/// </summary>
/// <param name="folder">The folder, which is there.</param>
/// <param name="shape">How large it is.</param>
internal sealed class ScaleWorld(string folder, ScaleShape shape)
{
    private const string TrustDomain = "bench.culvert";
    private const int Callers = 3;
    private const int BasePort = 8000;
    private const int ExcludedPort = 20_000; // of no Service and in no policy
    private const int PortsInTurn = 1000;

    // Beside the folder, so that the controller sees a file whole, and once.
    private readonly string _part = folder.TrimEnd('/') + ".part";

    /// <summary>Writes all of it.</summary>
    public void Write()
    {
        foreach (string kind in (string[])["services", "policies", "pods"]) Directory.CreateDirectory(Path.Combine(folder, kind));
        File.WriteAllText(MeshFile, Mesh(0));
        for (int i = 0; i < shape.Nodes; i++)
        {
            File.WriteAllText(ServiceFile(i), Service(i, 0));
            File.WriteAllText(PolicyFile(i), Policy(i, 0));
            File.WriteAllText(Path.Combine(folder, "pods", ScaleShape.Node(i) + ".yaml"), string.Concat(shape.PodsOf(i).Select(p => Pod(i, p.Service, p.Pod))));
        }
    }

    /// <summary>A change of the policy of a Service, which is the business of the nodes with its pods.</summary>
    /// <param name="service">The Service.</param>
    /// <param name="turn">Another number for each change.</param>
    public ScaleChange ChangePolicy(int service, int turn) => new(
        $"Policy {ScaleShape.Namespace(service)}/{ScaleShape.Service(service)}",
        [.. Enumerable.Range(0, ScaleShape.PodsEach).Select(p => ScaleShape.Node(shape.NodeOf(service, p)))],
        Replace(PolicyFile(service), Policy(service, turn)));

    /// <summary>A change of one endpoint of a Service, which is the business of all nodes.</summary>
    /// <param name="service">The Service.</param>
    /// <param name="turn">Another number for each change.</param>
    public ScaleChange ChangeEndpoint(int service, int turn) =>
        new($"Service {ScaleShape.Namespace(service)}/{ScaleShape.Service(service)}", AllNodes, Replace(ServiceFile(service), Service(service, turn)));

    /// <summary>A change of the mesh's settings, which is the business of all nodes.</summary>
    /// <param name="turn">Another number for each change.</param>
    public ScaleChange ChangeMesh(int turn) => new("Mesh ", AllNodes, Replace(MeshFile, Mesh(turn)));

    private string[] AllNodes => [.. Enumerable.Range(0, shape.Nodes).Select(ScaleShape.Node)];

    private string MeshFile => Path.Combine(folder, "mesh.yaml");

    private string ServiceFile(int service) => Path.Combine(folder, "services", ScaleShape.Service(service) + ".yaml");

    private string PolicyFile(int service) => Path.Combine(folder, "policies", ScaleShape.Service(service) + ".yaml");

    private Action Replace(string file, string content) => () =>
    {
        File.WriteAllText(_part, content);
        File.Move(_part, file, overwrite: true);
    };

    private static string Mesh(int turn) => string.Create(CultureInfo.InvariantCulture, $"""
        apiVersion: culvert.dev/v1alpha1
        kind: MeshConfig
        metadata:
          name: default
        spec:
          trustDomain: {TrustDomain}
          defaultAction: DENY
          mtls:
            mode: STRICT
          excludePorts: [{ExcludedPort + (turn % PortsInTurn)}]

        """);

    // One endpoint, the first, has a port of its own: it changes, and nothing else does.
    private static string Service(int service, int turn) => string.Create(CultureInfo.InvariantCulture, $"""
        apiVersion: v1
        kind: Service
        metadata:
          name: {ScaleShape.Service(service)}
          namespace: {ScaleShape.Namespace(service)}
        spec:
          clusterIP: {ScaleShape.ServiceAddress(service)}
          ports:
            - name: http
              port: 80
              protocol: TCP
        ---
        {Slice(service, "first", 0, 1, BasePort + (turn % PortsInTurn))}
        ---
        {Slice(service, "others", 1, ScaleShape.PodsEach - 1, BasePort)}

        """);

    private static string Slice(int service, string name, int first, int count, int port) => string.Create(CultureInfo.InvariantCulture, $"""
        apiVersion: discovery.k8s.io/v1
        kind: EndpointSlice
        metadata:
          name: {ScaleShape.Service(service)}-{name}
          namespace: {ScaleShape.Namespace(service)}
          labels:
            kubernetes.io/service-name: {ScaleShape.Service(service)}
        addressType: IPv4
        endpoints:
        {string.Join('\n', Enumerable.Range(first, count).Select(p => $"  - addresses: [\"{ScaleShape.PodAddress(service, p)}\"]"))}
        ports:
          - name: http
            port: {port}
            protocol: TCP
        """);

    private string Policy(int service, int turn) => string.Create(CultureInfo.InvariantCulture, $"""
        apiVersion: culvert.dev/v1alpha1
        kind: AuthorizationPolicy
        metadata:
          name: {ScaleShape.Service(service)}
          namespace: {ScaleShape.Namespace(service)}
        spec:
          selector:
            matchLabels:
              app: {ScaleShape.Service(service)}
          action: ALLOW
          rules:
            - from:
                - identities: [{string.Join(", ", Enumerable.Range(1, Callers).Select(c => Identity((service + c + turn) % shape.Nodes)))}]
              to:
                - ports: [{BasePort}]

        """);

    private static string Identity(int service) => $"\"spiffe://{TrustDomain}/ns/{ScaleShape.Namespace(service)}/sa/{ScaleShape.Service(service)}\"";

    private static string Pod(int node, int service, int pod) => string.Create(CultureInfo.InvariantCulture, $"""
        ---
        apiVersion: culvert.dev/v1alpha1
        kind: Workload
        metadata:
          name: {ScaleShape.Pod(service, pod)}
          namespace: {ScaleShape.Namespace(service)}
          labels:
            app: {ScaleShape.Service(service)}
        spec:
          node: {ScaleShape.Node(node)}
          serviceAccount: {ScaleShape.Service(service)}
          addresses: ["{ScaleShape.PodAddress(service, pod)}"]

        """);
}

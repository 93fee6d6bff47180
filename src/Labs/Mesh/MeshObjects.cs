using System.Globalization;
using System.Net;

namespace Culvert.Labs.Mesh;

/// <summary>The objects of a lab's mesh, as a user would write them.</summary>
internal static class MeshObjects
{
    /// <summary>Namespace of every object.</summary>
    public const string Namespace = "demo";

    /// <summary>Trust domain of the mesh.</summary>
    public const string TrustDomain = "demo.culvert";

    /// <summary>The identity of a service account.</summary>
    public static string Identity(string account) => $"spiffe://{TrustDomain}/ns/{Namespace}/sa/{account}";

    /// <summary>Settings of the mesh: mutual TLS everywhere.</summary>
    /// <param name="lifetime">Lifetime of certificates, e.g. <c>48h</c>; null for the default.</param>
    /// <param name="defaultAction">What happens to connections no policy speaks of: ALLOW or DENY.</param>
    public static string Mesh(string? lifetime = null, string defaultAction = "ALLOW") => $"""
        apiVersion: culvert.dev/v1alpha1
        kind: MeshConfig
        metadata:
          name: default
        spec:
          trustDomain: {TrustDomain}
          defaultAction: {defaultAction}
          mtls:
            mode: STRICT
        {(lifetime is null ? "" : $"  certificate:\n    lifetime: {lifetime}\n")}
        """;

    /// <summary>A pod of the lab as a workload.</summary>
    /// <param name="pod">The pod.</param>
    /// <param name="account">Its service account; also its label <c>app</c>.</param>
    /// <param name="annotations">Its annotations, each a line of YAML.</param>
    public static string Workload(LabPod pod, string account, params IReadOnlyList<string> annotations) => $"""
        apiVersion: culvert.dev/v1alpha1
        kind: Workload
        metadata:
          name: {pod.Name}
          namespace: {Namespace}
        {Annotations(annotations)}  labels:
            app: {account}
        spec:
          node: {pod.Node.Name}
          serviceAccount: {account}
          addresses:
            - {pod.Address4}
            - "{pod.Address6}"
          interface: {pod.HostInterface}

        """;

    /// <summary>A policy that lets some accounts, and nobody else, connect to the ports of another.</summary>
    /// <param name="name">Name of the policy.</param>
    /// <param name="account">Whose ports.</param>
    /// <param name="ports">Which ports; none for all.</param>
    /// <param name="clients">Accounts that are let in.</param>
    public static string Allow(string name, string account, IReadOnlyList<int> ports, params IReadOnlyList<string> clients) => $"""
        apiVersion: culvert.dev/v1alpha1
        kind: AuthorizationPolicy
        metadata:
          name: {name}
          namespace: {Namespace}
        spec:
          selector:
            matchLabels:
              app: {account}
          action: ALLOW
          rules:
            - from:
                - identities: [{string.Join(", ", clients.Select(c => $"\"{Identity(c)}\""))}]
        {(ports.Count == 0 ? "" : "      to:\n        - ports: [" + string.Join(", ", ports.Select(p => p.ToString(CultureInfo.InvariantCulture))) + "]")}

        """;

    /// <summary>A Service with one virtual address per family.</summary>
    public static string Service(string name, string account, int port, int targetPort, string address4, string address6, params IReadOnlyList<string> annotations) => string.Create(
        CultureInfo.InvariantCulture, $"""
        apiVersion: v1
        kind: Service
        metadata:
          name: {name}
          namespace: {Namespace}
        {Annotations(annotations)}spec:
          clusterIP: {address4}
          clusterIPs:
            - {address4}
            - "{address6}"
          selector:
            app: {account}
          ports:
            - name: web
              port: {port}
              targetPort: {targetPort}
              protocol: TCP

        """);

    /// <summary>A Service whose only port speaks an application protocol.</summary>
    /// <param name="service">As <see cref="Service"/> has made it.</param>
    /// <param name="protocol">The protocol.</param>
    public static string Speaking(string service, string protocol) => $"{service.TrimEnd()}\n      appProtocol: {protocol}\n";

    /// <summary>A Service with the same ports, whose backend is one pod as its slices say, and whom no selector selects.</summary>
    /// <param name="service">As <see cref="Service"/> has made it.</param>
    /// <param name="name">Its name.</param>
    /// <param name="account">The account that it selects.</param>
    /// <param name="pod">The backend.</param>
    /// <param name="port">The backend's port.</param>
    public static string LeadingTo(string service, string name, string account, LabPod pod, int port) =>
        service.Replace($"  selector:\n    app: {account}\n", "", StringComparison.Ordinal) + Slice(name, "IPv4", pod.Address4, port) + Slice(name, "IPv6", pod.Address6, port);

    private static string Slice(string service, string type, IPAddress address, int port) => $$"""
        ---
        apiVersion: discovery.k8s.io/v1
        kind: EndpointSlice
        metadata: {name: {{service}}-{{type.ToLowerInvariant()}}, namespace: {{Namespace}}, labels: {kubernetes.io/service-name: {{service}}} }
        addressType: {{type}}
        endpoints: [{addresses: ["{{address}}"]}]
        ports: [{name: web, port: {{port}} }]

        """;

    private static string Annotations(IReadOnlyList<string> lines) =>
        lines.Count == 0 ? "" : "  annotations:\n" + string.Concat(lines.Select(l => $"    {l}\n"));
}

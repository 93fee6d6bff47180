using System.Globalization;
using Culvert.Bench.Http;
using Culvert.Labs;

namespace Culvert.Bench.Sides;

/// <summary>Policies about requests: one that has the proxy of the first node read what is asked of its server, and many for the server of the other node, to whom as many routes lead.</summary>
internal static class RequestPolicies
{
    /// <summary>How many rules, and routes, the change brings; no request meets any but the last.</summary>
    public const int Count = 100;

    /// <summary>How many routes the mesh has when its memory is looked at.</summary>
    private const int ManyRoutes = 1000;

    /// <summary>The label of a pod, by which policies select one server of several.</summary>
    public static string LabelOf(LabPod pod) => $"pod: {pod.Name}";

    /// <summary>Without it nobody would read what goes from pod to pod of one node.</summary>
    public static string ForSameNode(LabPod server) => Policy("requests", server, "DENY", [$"{{ports: [{Application.Http1Port}], paths: [/forbidden/*]}}"]);

    /// <summary>The change that puts the many into force.</summary>
    /// <param name="folder">The folder that the controller reads.</param>
    /// <param name="server">Whose requests they are about.</param>
    /// <param name="agents">The agents of both nodes.</param>
    public static WorldChange In(string folder, LabPod server, params IReadOnlyList<CulvertAgent> agents) => new(
        Path.Combine(folder, "request-policies.yaml"),
        null,
        Policy("many-requests", server, "ALLOW", [.. Enumerable.Range(0, Count - 1).Select(Rule), $"{{ports: [80, {Application.Http1Port}, {Application.Http2Port}, {GrpcApplication.Port}, 5201, 7000, 7001]}}"]) + Routes(Count),
        agents);

    /// <summary>The change that puts as many routes into force as the budget of memory is for.</summary>
    /// <param name="folder">The folder that the controller reads.</param>
    /// <param name="agents">The agents of both nodes.</param>
    public static WorldChange RoutesIn(string folder, params IReadOnlyList<CulvertAgent> agents) => new(Path.Combine(folder, "request-routes.yaml"), null, Routes(ManyRoutes), agents);

    private static string Routes(int count) => string.Concat(Enumerable.Range(0, count).Select(i => Route(i, isLast: i == count - 1)));

    private static string Route(int i, bool isLast)
    {
        string match = isLast ? "path: {value: /}" : string.Create(CultureInfo.InvariantCulture, $$"""path: {value: /team-{{i}}}, headers: [{name: x-tenant, value: "{{i}}"}]""");
        return $$"""
            ---
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata:
              name: route-{{i}}
              namespace: bench
            spec:
              parentRefs: [{group: "", kind: Service, name: {{World.HttpName}}, port: {{Application.Http1Port}} }]
              rules: [{matches: [{ {{match}} }], backendRefs: [{name: {{World.HttpName}}, port: {{Application.Http1Port}} }] }]

            """;
    }

    private static string Rule(int i) => string.Create(
        CultureInfo.InvariantCulture, $$"""{ports: [{{Application.Http1Port}}], methods: [{{(i % 2 == 0 ? "GET" : "POST")}}], paths: ["/team-{{i}}/*", "/users/{*}/orders-{{i}}"], hosts: ["*"], notHosts: ["*.example.org"]}""");

    private static string Policy(string name, LabPod server, string action, IEnumerable<string> destinations) => $$"""
        ---
        apiVersion: culvert.dev/v1alpha1
        kind: AuthorizationPolicy
        metadata:
          name: {{name}}
          namespace: bench
        spec:
          selector:
            matchLabels: { {{LabelOf(server)}} }
          action: {{action}}
          rules:
        {{string.Concat(destinations.Select(d => $"    - to: [{d}]\n"))}}
        """;
}

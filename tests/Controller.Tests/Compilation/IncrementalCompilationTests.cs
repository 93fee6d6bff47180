using Culvert.Controller.Compilation;
using Culvert.Controller.Snapshots;
using Culvert.Controller.Sources.Folder;
using Culvert.Controller.Store;
using Culvert.Core;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Controller.Tests;

/// <summary>Whatever changes in whatever order, what nodes have is what compiling the final world from nothing gives.</summary>
public sealed class IncrementalCompilationTests
{
    private static readonly string[] Nodes = ["n0", "n1", "n2"];
    private static readonly string[] Namespaces = ["shop", "web", "culvert-system"];

    private static readonly string[] Doubts =
    [
        "selects nothing: no workload", "selects nothing: there is no workload", "means nobody: no workload", "means nobody: there is no workload", "is the address of a Service",
        "means no port: no workload has", "means no port: no workload that the policy selects has", "are of SCTP only", "is of SCTP,", "was never good",
        "holds for nothing", "its share goes to the others", "counts for port", "counts for Service", "has no port 81", "of SMI in namespace", "has the service account", "the mesh's mode is STRICT", "speaks of the workload", "in the place of all that annotations", "it allows nothing, and its destination",
        "no workload that the Service selects has a port named", "is the port of Service", "so that nobody reads its requests",
        "its share is answered 500", "HTTPRoute ", "GRPCRoute ", "no such port of TCP", "which is not HTTP", "in namespace web: the route holds for nothing", "no request matches it", "can't be told apart", "has no match z0",
        "there is no pod of Pod", "nothing of it is counted", "which no request is of", "and asks the same of requests",
    ];

    [Fact]
    public void AnySequenceOfChangesGivesTheSnapshotsOfTheFinalWorld()
    {
        int resources = 0, workloads = 0;
        Dictionary<string, int> comesAndGoes = Doubts.ToDictionary(d => d, _ => 0);
        for (int seed = 0; seed < 68; seed++)
        {
            var random = new Random(seed);
            ObjectStore store = new("test", new FolderStatus(), NullLogger.Instance, ObjectSet.Empty) { KnownNodes = () => ["n1"] };
            FolderDeclarations folder = new();
            MeshCompiler compiler = new();
            ResourceCatalog catalog = ResourceCatalog.Empty;
            store.Changed += change => catalog = compiler.Update(change.After, change.Keys, [new byte[] { 1 }]);
            SortedDictionary<string, SourceFile> files = new(StringComparer.Ordinal);
            Dictionary<string, (NodeSnapshot Snapshot, NodeResources? Resources)> agents = Nodes.ToDictionary(n => n, n => (new NodeSnapshot { Node = n }, (NodeResources?)null));
            for (int step = 0; step < 80; step++)
            {
                for (int n = 1 + random.Next(3); n > 0; n--) Edit(files, random);
                ObjectSet before = store.Current;
                store.Apply(new([.. folder.Update([.. files.Values])]) { IsSynced = true });
                Assert.Equal(ObjectSetReader.Read(files.Values, before, ["n1"]).Warnings, store.Current.Warnings);
                foreach (string doubt in Doubts.Where(d => store.Current.Warnings.Any(w => w.Reason.Contains(d, StringComparison.Ordinal)) != before.Warnings.Any(w => w.Reason.Contains(d, StringComparison.Ordinal)))) comesAndGoes[doubt]++;
                workloads += catalog.Work.Workloads;
                ResourceCatalog fresh = MeshCompiler.Compile(store.Current, [new byte[] { 1 }]);
                foreach (string node in Nodes)
                {
                    NodeResources expected = fresh.ForNode(node), actual = catalog.ForNode(node);
                    string where = $"seed {seed}, step {step}, node {node}";
                    Assert.Equal(expected.All.Select(p => p.Key).Order(Comparer<ResourceKey>.Create(Compare)), actual.All.Select(p => p.Key).Order(Comparer<ResourceKey>.Create(Compare)));
                    foreach ((ResourceKey key, var resource) in expected.All) Assert.True(resource.Equals(actual.Find(key)), $"{where}: {resource}\nand not {actual.Find(key)}");
                    resources += expected.All.Count();

                    // An agent may sleep through some versions.
                    if (random.Next(3) == 0) continue;
                    (NodeSnapshot snapshot, NodeResources? known) = agents[node];
                    agents[node] = (SnapshotMapping.Apply(snapshot, node, (known is null ? SnapshotDelta.Full(actual, "e") : SnapshotDelta.Between(known, actual, "e")).Received()), actual);
                    Assert.Equal(SnapshotJson.Render(fresh.SnapshotFor(node)), SnapshotJson.Render(agents[node].Snapshot));
                }
            }
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{resources} resources compared, {workloads} workloads compiled");
        Assert.True(resources > 40_000, $"{resources}");
        Assert.All(comesAndGoes, d => Assert.True(d.Value > 15, $"{d}"));
    }

    [Fact]
    public void WhoIsFurtherBehindThanTheLogReachesIsComparedWithAsAWhole()
    {
        MeshCompiler compiler = new();
        ObjectSet one = ObjectSetReader.Read([new("a.yaml", Objects.Workload("a", "10.0.0.1"))], ObjectSet.Empty), two = ObjectSetReader.Read([new("a.yaml", Objects.Workload("b", "10.0.0.2"))], one);
        NodeResources old = compiler.Update(one, null, []).ForNode("node-1");
        for (int i = 0; i < 1500; i++) compiler.Update(one, [], []);
        ResourceCatalog last = compiler.Update(two, null, []);
        SnapshotResponse delta = SnapshotDelta.Between(old, last.ForNode("node-1"), "e").Response;
        Assert.Equal("shop/b", Assert.Single(delta.Upserts).Workload.Uid);
        Assert.Equal("shop/a", Assert.Single(delta.Removals).Name);
    }

    [Fact]
    public void ACompilerThatBeginsWhereAnotherStoodIsComparedWithAsAWhole()
    {
        ObjectSet one = ObjectSetReader.Read([new("a.yaml", Objects.Workload("a", "10.0.0.1"))], ObjectSet.Empty), two = ObjectSetReader.Read([new("a.yaml", Objects.Workload("b", "10.0.0.2"))], one);
        NodeResources old = new MeshCompiler().Update(one, null, []).ForNode("node-1");
        ResourceCatalog next = new MeshCompiler(old.Version).Update(two, null, []);
        Assert.Equal(old.Version + 1, next.Version);
        SnapshotResponse delta = SnapshotDelta.Between(old, next.ForNode("node-1"), "e").Response;
        Assert.Equal(("shop/b", "shop/a"), (Assert.Single(delta.Upserts).Workload.Uid, Assert.Single(delta.Removals).Name));
    }

    private static int Compare(ResourceKey a, ResourceKey b) => a.Kind != b.Kind ? a.Kind.CompareTo(b.Kind) : string.CompareOrdinal(a.Name, b.Name);

    private static void Edit(SortedDictionary<string, SourceFile> files, Random random)
    {
        string name = $"f{random.Next(12)}.yaml";
        if (random.Next(6) == 0) files.Remove(name);
        else files[name] = new(name, string.Concat(Enumerable.Range(0, random.Next(1, 3)).Select(_ => Document(random))));
    }

    private static string Document(Random random)
    {
        string ns = Namespaces[random.Next(Namespaces.Length)], app = $"app: a{random.Next(3)}", selector = random.Next(3) == 0 ? "" : $"selector: {{matchLabels: {{{app}}}}}, ";
        string proxy = random.Next(4) switch { 0 => "annotations: {culvert.dev/proxy-protocol: v2}, ", 1 => "annotations: {culvert.dev/accept-proxy-protocol: \"80; from=10.9.0.0/16\"}, ", _ => "" };
        string address = $"10.0.0.{random.Next(1, 9)}", mode = random.Next(2) == 0 ? "STRICT" : "PERMISSIVE";
        string service = $"s{random.Next(3)}", account = $"b{random.Next(2)}";
        return random.Next(21) switch
        {
            20 => $"apiVersion: specs.smi.nginx.com/v1alpha2\nkind: RateLimit\nmetadata: {{name: l{random.Next(2)}, namespace: {ns}}}\nspec: {{destination: {{kind: Service, name: {service}}}, name: a, rate: 9r/s, {Sources(random)}{(random.Next(2) == 0 ? "" : $"rules: [{{kind: HTTPRouteGroup, name: y{random.Next(2)}, matches: [z0]}}]")}}}\n---\n",
            0 => $"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {ns}, labels: {{culvert.dev/mesh: {(random.Next(2) == 0 ? "enabled" : "disabled")}, team: t{random.Next(2)}}}}}\n---\n",
            12 or 19 => $"apiVersion: culvert.dev/v1alpha1\nkind: TrafficPolicy\nmetadata: {{name: t{random.Next(2)}, namespace: {ns}}}\nspec: {{targetRef: {{kind: Service, name: {service}}}, {(random.Next(3) switch { 0 => "proxyProtocol: {version: v2, ports: [80]}", 1 => "requestBalancing: {mode: HASH, preferZone: true}", _ => "loadBalancing: [{protocol: TCP, port: 81, mode: ROUND_ROBIN}, {protocol: TCP, mode: SOURCE_HASH}]" })}}}\n---\n",
            13 when random.Next(2) == 0 => $"apiVersion: split.smi-spec.io/v1alpha4\nkind: TrafficSplit\nmetadata: {{name: r{random.Next(2)}, namespace: {ns}}}\nspec: {{service: {service}, backends: [{{service: s{random.Next(3)}, weight: {random.Next(3)}}}]{(random.Next(2) == 0 ? "" : $", matches: [{{kind: HTTPRouteGroup, name: y{random.Next(2)}}}]")}}}\n---\n",
            13 or 18 => $"apiVersion: gateway.networking.k8s.io/v1\nkind: TCPRoute\nmetadata: {{name: r{random.Next(2)}, namespace: {ns}}}\nspec: {{parentRefs: [{{group: \"\", kind: Service, name: {service}}}], rules: [{{backendRefs: [{{name: s{random.Next(3)}, port: {random.Next(80, 82)}}}]}}]}}\n---\n",
            14 => $"apiVersion: access.smi-spec.io/v1alpha3\nkind: TrafficTarget\nmetadata: {{name: x{random.Next(2)}, namespace: {ns}}}\nspec: {{destination: {{kind: ServiceAccount, name: {account}}}, sources: [{{kind: ServiceAccount, name: b0}}], rules: [{{kind: {random.Next(5) switch { 0 => "HTTPRoute", 1 or 2 => "HTTPRouteGroup, matches: [z0]", _ => "TCPRoute" }}, name: y{random.Next(2)}}}]}}\n---\n",
            16 => $"apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: h{random.Next(2)}, namespace: {ns}}}\nspec: {{parentRefs: [{Parent(random)}, {{group: \"\", kind: Service, name: s3, namespace: {ns}}}], rules: [{{filters: [{{type: ResponseHeaderModifier, responseHeaderModifier: {{remove: [x{random.Next(2)}]}}}}], backendRefs: [{{name: s{random.Next(3)}, port: {random.Next(80, 82)}}}]}}]}}\n---\n",
            17 => $"apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: {{name: h{random.Next(2)}, namespace: {ns}}}\nspec: {{parentRefs: [{Parent(random)}], rules: [{{matches: [{{method: {{method: m{random.Next(2)}}}}}], backendRefs: [{{name: s{random.Next(3)}, namespace: {Namespaces[random.Next(3)]}, port: 80}}]}}]}}\n---\n",
            15 when random.Next(2) == 0 => $"apiVersion: specs.smi-spec.io/v1alpha4\nkind: HTTPRouteGroup\nmetadata: {{name: y{random.Next(2)}, namespace: {ns}}}\nspec: {{matches: [{{name: z{random.Next(4)}, pathRegex: /{random.Next(3)}}}]}}\n---\n",
            15 => $"apiVersion: specs.smi-spec.io/v1alpha4\nkind: TCPRoute\nmetadata: {{name: y{random.Next(2)}, namespace: {ns}}}\nspec: {{matches: {{ports: [{random.Next(80, 83)}]}}}}\n---\n",
            10 or 11 => $"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: n{random.Next(3)}, namespace: {ns}}}\nspec: {{{(random.Next(8) == 0 ? "color: red, " : "")}podSelector: {Selector(random)}, ingress: [{Rule(random, "from")}], egress: [{Rule(random, "to")}]}}\n---\n",
            1 or 2 => $"apiVersion: v1\nkind: Service\nmetadata: {{name: s{random.Next(3)}, {proxy}namespace: {ns}}}\nspec: {{clusterIP: 10.96.0.{random.Next(1, 30)}, {(random.Next(4) == 0 ? "sessionAffinity: ClientIP, " : "")}{(random.Next(3) == 0 ? "internalTrafficPolicy: Local, " : "")}{(random.Next(3) == 0 ? "" : $"selector: {{{app}}}, ")}ports: [{{name: t, port: 80, {(random.Next(2) == 0 ? "" : $"appProtocol: {(random.Next(3) switch { 0 => "http", 1 => "kubernetes.io/h2c", _ => "mysql" })}, ")}targetPort: {(random.Next(3) == 0 ? $"t{random.Next(2)}" : $"{random.Next(80, 83)}")}}}, {{name: u, port: 53, protocol: UDP}}]}}\n---\n",
            3 => $"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: e{random.Next(3)}, namespace: {ns}, labels: {{kubernetes.io/service-name: s{random.Next(3)}}}}}\naddressType: IPv4\nendpoints: [{{addresses: [{address}], nodeName: n{random.Next(3)}{Hints(random)}}}, {{addresses: [10.0.0.{random.Next(10, 14)}]{Hints(random)}}}, {{addresses: [10.0.0.{random.Next(1, 9)}], {(random.Next(2) == 0 ? "" : "nodeName: n1, ")}conditions: {{ready: false, serving: true, terminating: true}}}}]\nports: [{{name: t, port: {random.Next(80, 83)}}}]\n---\n",
            4 => $"apiVersion: culvert.dev/v1alpha1\nkind: AuthorizationPolicy\nmetadata: {{name: p{random.Next(3)}, namespace: {ns}}}\nspec: {{{selector}action: DENY, rules: [{{from: [{{namespaces: [{Namespaces[random.Next(3)]}, gone], identities: [\"spiffe://d0.example/x\"]}}], to: [{{ports: [{random.Next(80, 84)}, 80]{(random.Next(2) == 0 ? "" : ", methods: [GET], paths: [/a/*]")}}}]}}]}}\n---\n",
            5 => $"apiVersion: culvert.dev/v1alpha1\nkind: PeerAuthentication\nmetadata: {{name: m{random.Next(3)}, namespace: {ns}}}\nspec: {{{selector}mtls: {{mode: {mode}}}}}\n---\n",
            6 => $"apiVersion: gateway.networking.k8s.io/v1\nkind: UDPRoute\nmetadata: {{name: r{random.Next(2)}, namespace: {ns}}}\nspec: {{parentRefs: [{{group: \"\", kind: Service, name: s{random.Next(3)}}}], rules: [{{backendRefs: [{{name: s{random.Next(3)}, port: 53, weight: {random.Next(1, 4)}}}, {{name: s{random.Next(3)}, port: 53}}]}}]}}\n---\n",
            8 when random.Next(2) == 0 => $"apiVersion: v1\nkind: Node\nmetadata: {{name: n{random.Next(3)}, labels: {{{(random.Next(4) == 0 ? "" : $"topology.kubernetes.io/zone: z{random.Next(2)}")}}}}}\n---\n",
            7 when random.Next(3) == 0 => $"apiVersion: culvert.dev/v1alpha1\nkind: MeshConfig\nmetadata: {{name: default}}\nspec: {{trustDomain: d{random.Next(2)}.example, excludePorts: [2], mtls: {{mode: {mode}}}}}\n---\n",
            _ => $"apiVersion: culvert.dev/v1alpha1\nkind: Workload\nmetadata: {{name: w{random.Next(6)}, {(proxy.Length > 0 ? proxy : $"annotations: {{config.nsm.nginx.com/mtls-mode: {mode.ToLowerInvariant()}}}, ")}namespace: {ns}, labels: {{{app}}}}}\nspec: {{node: n{random.Next(3)}, serviceAccount: {account}, interface: eth{random.Next(2)}, addresses: [{address}], hostNetwork: {(random.Next(5) == 0 ? "true" : "false")}, ports: [{{name: t{random.Next(2)}, port: {random.Next(80, 82)}}}]}}\n---\n",
        };
    }

    private static string Sources(Random random) => random.Next(4) switch
    {
        0 => "",
        1 => $"sources: [{{kind: Deployment, name: d}}, {{kind: Pod, name: w{random.Next(6)}}}], ",
        _ => $"sources: [{{kind: Service, name: s{random.Next(3)}, namespace: {Namespaces[random.Next(3)]}}}, {{kind: Pod, name: w{random.Next(6)}, namespace: {Namespaces[random.Next(3)]}}}], ",
    };

    private static string Hints(Random random) => random.Next(3) == 0 ? "" : $", hints: {{forZones: [{{name: z{random.Next(2)}}}]}}";

    private static string Parent(Random random) => $"{{group: \"\", kind: Service, name: s{random.Next(3)}{(random.Next(3) == 0 ? $", namespace: {Namespaces[random.Next(3)]}" : "")}{(random.Next(4) == 0 ? $", port: {random.Next(80, 82)}" : "")}}}";

    private static string Rule(Random random, string peers)
    {
        string peer = random.Next(5) switch
        {
            0 => $"{{podSelector: {Selector(random)}}}",
            1 => $"{{podSelector: {Selector(random)}, namespaceSelector: {{matchLabels: {{team: t{random.Next(2)}}}}}}}",
            2 => $"{{namespaceSelector: {{matchExpressions: [{{key: kubernetes.io/metadata.name, operator: NotIn, values: [{Namespaces[random.Next(3)]}]}}]}}}}",
            3 => $"{{ipBlock: {{cidr: 10.96.0.{random.Next(1, 30)}/32}}}}",
            _ => "{ipBlock: {cidr: 10.0.0.0/28, except: [10.0.0.4/30]}}",
        };
        string ports = random.Next(4) switch
        {
            0 => "{port: 70, protocol: SCTP}",
            1 => $"{{port: 70, protocol: SCTP}}, {{port: t{random.Next(2)}}}",
            _ => $"{{port: t{random.Next(2)}, protocol: {(random.Next(8) == 0 ? "UDP" : "TCP")}}}, {{port: 90, endPort: 95}}",
        };
        return $"{{{peers}: [{peer}], ports: [{ports}]}}";
    }

    private static string Selector(Random random) => random.Next(3) switch
    {
        0 => "{}",
        1 => $"{{matchLabels: {{app: a{random.Next(3)}}}}}",
        _ => $"{{matchExpressions: [{{key: app, operator: In, values: [a{random.Next(3)}]}}]}}",
    };
}

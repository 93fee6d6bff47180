using Culvert.Controller.Compilation;
using Culvert.Controller.Snapshots;
using Culvert.Controller.Sources.Folder;
using Culvert.Controller.Store;
using Culvert.Core;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Controller.Tests.Compilation;

public sealed class ServiceRoomTests
{
    private readonly SortedDictionary<string, SourceFile> _files = new(StringComparer.Ordinal);
    private readonly FolderDeclarations _folder = new();
    private readonly ObjectStore _store = new("test", new FolderStatus(), NullLogger.Instance, ObjectSet.Empty);
    private readonly MeshCompiler _compiler = new();
    private ResourceCatalog _catalog = ResourceCatalog.Empty;

    public ServiceRoomTests() => _store.Changed += change => _catalog = _compiler.Update(change.After, change.Keys, []);

    [Fact]
    [Trait("Category", "Attack")]
    public void The_Services_of_a_namespace_that_fills_the_table_of_ports_are_closed_until_they_have_fewer()
    {
        Put("shop", Service("shop", "web", "10.0.0.1", 2));
        Put("a", Service("greedy", "a", "10.0.1.1", 9000));
        Put("b", Service("greedy", "b", "10.0.1.2", 9000));
        Assert.Equal("9000 9000; 2", $"{PortsOf("greedy")}; {PortsOf("shop")}");
        Assert.Empty(_catalog.Closed);

        Put("c", Service("greedy", "c", "10.0.1.3", 9000));
        Assert.Equal("0 0 0; 2", $"{PortsOf("greedy")}; {PortsOf("shop")}");
        Assert.All(_catalog.Services.Values, s => Assert.NotEmpty(s.Vips));
        Assert.Equal("a:1: Service greedy/a: spec.ports", Assert.Single(_catalog.Closed).ToString()[..33]);
        Assert.Equal(ProblemSeverity.Error, _catalog.Problems.Listed[0].Severity);

        Put("c", Service("greedy", "c", "10.0.1.3", 2000));
        Assert.Equal("9000 9000 2000; 2", $"{PortsOf("greedy")}; {PortsOf("shop")}");
        Assert.Empty(_catalog.Closed);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void Where_several_namespaces_ask_for_too_much_those_that_ask_for_most_are_closed()
    {
        Put("a", Service("large", "a", "10.0.1.1", 9000));
        Put("b", Service("larger", "b", "10.0.1.2", 9001));
        Put("c", Service("small", "c", "10.0.1.3", 3000));
        Assert.Equal("9000; 0; 3000", $"{PortsOf("large")}; {PortsOf("larger")}; {PortsOf("small")}");
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void Ports_times_endpoints_that_no_agent_has_memory_for_are_not_even_compiled()
    {
        Put("shop", Service("shop", "web", "10.0.0.1", 1) + Slice("shop", "web", ports: 1, endpoints: 3));
        Put("a", Service("greedy", "a", "10.0.1.1", 2000) + Slice("greedy", "a", ports: 2000, endpoints: 50));
        Assert.Equal(100_000, BackendsOf("greedy"));

        Put("a", Service("greedy", "a", "10.0.1.1", 2000) + Slice("greedy", "a", ports: 2000, endpoints: 1000));
        Assert.Equal((0, 3), (BackendsOf("greedy"), BackendsOf("shop")));

        Put("a", Service("greedy", "a", "10.0.1.1", 2000) + Slice("greedy", "a", ports: 1, endpoints: 1000));
        Assert.Equal((1000, 3), (BackendsOf("greedy"), BackendsOf("shop")));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void Backends_with_long_names_count_for_what_nodes_are_told_of_them()
    {
        string longest = new('a', 253);
        Put("w", string.Concat(Enumerable.Range(0, 100).Select(i => Objects.Workload($"{i:000}{longest[3..]}", $"10.9.0.{i}").Replace($", labels: {{app: {i:000}{longest[3..]}}}", "", StringComparison.Ordinal))));
        Put("a", Service("greedy", "a", "10.0.1.1", 600) + Slice("greedy", "a", ports: 600, endpoints: 100));
        Assert.Equal(0, BackendsOf("greedy"));
        Put("a", Service("greedy", "a", "10.0.1.1", 250) + Slice("greedy", "a", ports: 250, endpoints: 100));
        Assert.Equal(25_000, BackendsOf("greedy"));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void Backends_that_a_route_gives_many_ports_count_for_each_of_them()
    {
        Put("a", Service("greedy", "many", "10.0.1.1", 600) + Service("greedy", "one", "10.0.1.2", 1) + Slice("greedy", "one", ports: 1, endpoints: 1000));
        Assert.Equal(1000, BackendsOf("greedy"));
        const string Route = "apiVersion: gateway.networking.k8s.io/v1\nkind: TCPRoute\nmetadata: {name: r, namespace: greedy}\nspec: {parentRefs: [{group: \"\", kind: Service, name: many}], rules: [{backendRefs: [{name: one, port: 1}]}]}\n";
        Put("r", Route);
        Assert.Equal(0, BackendsOf("greedy"));
        _files.Remove("r");
        Apply();
        Assert.Equal(1000, BackendsOf("greedy"));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void What_a_Service_asks_of_others_workloads_by_their_addresses_does_not_count()
    {
        const string Annotations = ", annotations: {culvert.dev/accept-proxy-protocol: \"1; from=0.0.0.0/0\", culvert.dev/proxy-protocol: v2}}";
        Put("w", Objects.Workload("web", "10.9.0.0") + Objects.Workload("other", "10.9.0.1").Replace("namespace: shop", "namespace: mallory", StringComparison.Ordinal));
        Put("m", (Service("mallory", "steal", "10.0.1.1", 1) + Slice("mallory", "steal", ports: 1, endpoints: 2)).Replace("name: steal, namespace: mallory}", $"name: steal, namespace: mallory{Annotations}", StringComparison.Ordinal));
        Assert.Empty(_catalog.Workloads["shop/web"].TrustedProxies);
        Assert.Empty(_catalog.Workloads["shop/web"].ProxyProtocolPorts);
        Assert.Single(_catalog.Workloads["mallory/other"].TrustedProxies);
        Assert.Single(_catalog.Workloads["mallory/other"].ProxyProtocolPorts);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void Prefixes_of_trusted_load_balancers_count_for_each_workload()
    {
        string prefixes = string.Join(',', Enumerable.Range(0, 256).Select(i => $"192.0.{i}.0/24"));
        string annotated = $"name: many, namespace: greedy, annotations: {{culvert.dev/accept-proxy-protocol: \"1,2; from={prefixes}\"}}}}";
        string workloads = string.Concat(Enumerable.Range(0, 1100).Select(i => Objects.Workload($"w{i}", $"10.9.{i >> 8}.{i & 255}"))).Replace("namespace: shop", "namespace: greedy", StringComparison.Ordinal);
        Put("w", workloads);
        foreach ((int endpoints, int trusting) in new[] { (1000, 1000), (1024, 1024), (1025, 0) })
        {
            Put("s", (Service("greedy", "many", "10.0.1.1", 2) + Slice("greedy", "many", ports: 2, endpoints)).Replace("name: many, namespace: greedy}", annotated, StringComparison.Ordinal));
            Assert.Equal(trusting, _catalog.Workloads.Values.Count(w => w.TrustedProxies is [{ Ports.Count: 2, From.Count: 256 }]));
        }
        Assert.Contains("prefixes of trusted load balancers", Assert.Single(_catalog.Closed).Reason, StringComparison.Ordinal);
    }

    private string PortsOf(string ns) => string.Join(' ', _catalog.Services.Values.Where(s => s.Name.Namespace == ns).OrderBy(s => s.Name).Select(s => s.Ports.Count));

    private int BackendsOf(string ns) => _catalog.Services.Values.Where(s => s.Name.Namespace == ns).Sum(s => s.Ports.Sum(p => p.Backends.Count));

    private void Put(string file, string text)
    {
        _files[file] = new(file, text);
        Apply();
    }

    private void Apply() => _store.Apply(new([.. _folder.Update([.. _files.Values])]) { IsSynced = true });

    private static string Service(string ns, string name, string address, int ports) =>
        $"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {ns}}}\nspec: {{clusterIP: {address}, ports: [{string.Join(", ", Enumerable.Range(1, ports).Select(p => $"{{name: p{p}, port: {p}}}"))}]}}\n---\n";

    private static string Slice(string ns, string service, int ports, int endpoints) =>
        $"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: {service}-1, namespace: {ns}, labels: {{kubernetes.io/service-name: {service}}}}}\naddressType: IPv4\n"
        + $"ports: [{string.Join(", ", Enumerable.Range(1, ports).Select(p => $"{{name: p{p}, port: {p}}}"))}]\nendpoints: [{string.Join(", ", Enumerable.Range(0, endpoints).Select(e => $"{{addresses: [10.9.{e >> 8}.{e & 255}]}}"))}]\n---\n";
}

using System.Net;
using Culvert.Controller.Compilation;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Controller.Snapshots;
using Culvert.Controller.Sources.Folder;
using Culvert.Controller.Store;
using Culvert.Core;
using Culvert.Protocol;

namespace Culvert.Controller.Tests.Compilation;

/// <summary>From the text of a NetworkPolicy to the verdict: files are read and compiled, the snapshot goes over the wire, and the oracle and the kernel's table are asked.</summary>
public sealed class NetworkPolicyTests
{
    [Fact]
    public void What_pods_may_do_is_what_a_naive_reading_of_the_documentation_says()
    {
        int asked = 0, refusedIn = 0, refusedOut = 0, isolated = 0;
        PolicyIds ids = new();
        for (int seed = 0; seed < 400; seed++)
        {
            NaiveNetworkPolicies world = new(seed);
            string yaml = world.Yaml();
            ObjectSet objects = ObjectSetReader.Read([new("world.yaml", yaml)], ObjectSet.Empty);
            Assert.True(objects.Errors.IsEmpty, $"seed {seed}: {string.Join('\n', objects.Errors)}\n{yaml}");
            NodeSnapshot snapshot = SnapshotMapping.Apply(new NodeSnapshot { Node = "n1" }, "n1", SnapshotDelta.Full(MeshCompiler.Compile(objects, []).ForNode("n1"), "e").Received());
            SnapshotIndex index = new(snapshot);
            CompiledPolicy compiled = PolicyCompiler.Compile(snapshot, snapshot.LocalWorkloads().Select(w => w.Uid).ToHashSet(), ids);
            PolicyTable table = new(compiled);
            foreach (NaiveNetworkPolicies.Pod pod in world.Pods.Where(p => p is { Host: false, Enrolled: true }))
            {
                WorkloadInfo workload = snapshot.Workloads[$"{pod.Namespace}/{pod.Name}"];
                for (int i = 0; i < 25; i++)
                {
                    (string other, int port, string protocol) = (world.AnyAddress(), world.AnyPort(), world.AnyProtocol());
                    (IPAddress address, TransportProtocol transport) = (IPAddress.Parse(other), protocol == "UDP" ? TransportProtocol.Udp : TransportProtocol.Tcp);
                    bool mayComeIn = world.MayComeIn(pod, other, port, protocol), mayGoOut = world.MayGoOut(pod, other, port, protocol);
                    Decision comesIn = PolicyEvaluator.Evaluate(snapshot, new ConnectionRequest
                    {
                        SourceAddress = address,
                        SourceWorkload = index.FindWorkload(address),
                        Destination = workload,
                        Port = (ushort)port,
                        Protocol = transport,
                        Authenticated = false,
                    });
                    Decision goesOut = PolicyEvaluator.EvaluateEgress(snapshot, new EgressRequest
                    {
                        Source = workload,
                        DestinationAddress = address,
                        DestinationWorkload = index.FindWorkload(address),
                        Port = (ushort)port,
                        Protocol = transport,
                    });
                    string what = $"seed {seed}: {pod.Namespace}/{pod.Name} {pod.Address}, {other} port {port} {protocol}";
                    Assert.True(mayComeIn == comesIn.IsAllowed, $"{what}: coming in {mayComeIn}, {comesIn}\n{yaml}");
                    Assert.True(mayGoOut == goesOut.IsAllowed, $"{what}: going out {mayGoOut}, {goesOut}\n{yaml}");
                    if (other == pod.Address) continue;
                    uint cls = table.Classify(address, authenticated: false);
                    Assert.True(mayComeIn == (table.Find(compiled.TargetPolicySetIds[workload.Uid], cls, (ushort)port, transport)!.Value.Verdict == Verdict.Allow), what);
                    bool hasSet = compiled.EgressPolicySetIds.TryGetValue(workload.Uid, out uint set);
                    Assert.True(mayGoOut == (!hasSet || table.Find(set, cls, (ushort)port, transport)!.Value.Verdict == Verdict.Allow), what);
                    asked++;
                    refusedIn += mayComeIn ? 0 : 1;
                    refusedOut += mayGoOut ? 0 : 1;
                    isolated += comesIn.Reason == DecisionReason.NetworkPolicyIngress || hasSet ? 1 : 0;
                }
            }
        }
        Assert.InRange(asked, 30_000, int.MaxValue);
        Assert.InRange(refusedIn, asked / 20, asked / 2);
        Assert.InRange(refusedOut, asked / 20, asked / 2);
        Assert.InRange(isolated, asked / 5, asked);
    }

    /// <summary>Whoever may write policies in one namespace must not fill the kernel of nodes for all others.</summary>
    [Fact]
    [Trait("Category", "Attack")]
    public void Of_a_namespace_that_names_too_many_blocks_none_counts()
    {
        string workloads = "apiVersion: culvert.dev/v1alpha1\nkind: Workload\nmetadata: {name: web, namespace: greedy}\nspec: {node: node-1, addresses: [10.0.0.1]}\n---\n"
            + "apiVersion: culvert.dev/v1alpha1\nkind: Workload\nmetadata: {name: web, namespace: shop}\nspec: {node: node-1, addresses: [10.0.0.2]}\n";
        string own = Blocks("shop", "own", 1), large = Blocks("greedy", "large", NamespaceLimits.MostBlocks - 1), small = Blocks("greedy", "small", 1), last = Blocks("greedy", "straw", 1);
        Assert.Equal(NamespaceLimits.MostBlocks - 1, PeersOf([workloads, own, large, small], "greedy/large"));

        ObjectSet tooMany = Read([workloads, own, large, small, last]);
        NodeSnapshot snapshot = MeshCompiler.Compile(tooMany, []).SnapshotFor("node-1");
        Assert.All(snapshot.NetworkPolicies.Values.Where(p => p.Name.Namespace == "greedy"), p => Assert.Equal("nobody", Assert.Single(Assert.Single(p.Ingress).Peers).Group));
        Assert.NotNull(Assert.Single(Assert.Single(snapshot.NetworkPolicies[new("shop", "own")].Ingress).Peers).Block);
        Assert.Equal(3, tooMany.Warnings.Count(w => w.Reason.StartsWith("its ipBlocks allow nothing: the NetworkPolicies of namespace greedy name more than 4096 blocks", StringComparison.Ordinal)));

        static int PeersOf(string[] files, string policy) => Assert.Single(MeshCompiler.Compile(Read(files), []).SnapshotFor("node-1").NetworkPolicies[NamespacedName.Parse(policy)].Ingress).Peers.Count;

        static ObjectSet Read(string[] files) => ObjectSetReader.Read(files.Select((f, i) => new SourceFile($"{i}.yaml", f)), ObjectSet.Empty);

        static string Blocks(string ns, string name, int count) =>
            $"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: {ns}}}\nspec:\n  podSelector: {{}}\n  ingress:\n  - from:\n" + string.Concat(Enumerable.Range(0, count).Select(i => $"    - ipBlock: {{cidr: 192.{i >> 16}.{(i >> 8) & 255}.{i & 255}/32}}\n"));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void Of_a_namespace_that_names_too_many_selectors_of_peers_none_means_anybody()
    {
        string own = Selectors("shop", "own", 1), workloads = Objects.Workload("web", "10.0.0.1") + Objects.Workload("bad", "10.0.0.2").Replace("namespace: shop", "namespace: greedy", StringComparison.Ordinal);
        string most = Selectors("greedy", "most", NamespaceLimits.MostPeerSelectors), straw = Selectors("greedy", "straw", 1, from: 9000);
        Assert.Equal((NamespaceLimits.MostPeerSelectors + 1, "0"), Told(workloads, own, most));
        Assert.Equal((1, "1 Selectors greedy"), Told(workloads, own, most, straw));
        Assert.Equal((NamespaceLimits.MostPeerSelectors + 1, "0"), Told(workloads, own, most));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void Where_selectors_of_peers_mean_too_many_pods_those_of_the_namespace_that_mean_most_mean_nobody()
    {
        string own = Selectors("shop", "own", 1), most = Selectors("greedy", "most", 1000);
        string workloads = string.Concat(Enumerable.Range(0, 530).Select(i => Objects.Workload($"w{i}", $"10.1.{i >> 8}.{i & 255}"))) + Objects.Workload("web", "10.0.0.1");
        Assert.Equal((1, "1 Selectors greedy"), Told(workloads, own, most));
        Assert.Equal((1001, "0"), Told(Objects.Workload("web", "10.0.0.1"), own, most));

        // Two that name the same are two, and who names one of theirs goes on.
        string same = most.Replace("namespace: greedy", "namespace: avid", StringComparison.Ordinal);
        Assert.Equal((1, "2 Selectors avid"), Told(workloads, own, most, same));
        string shared = Selectors("greedy", "most", 1).Replace("namespace: greedy", "namespace: zeal", StringComparison.Ordinal);
        Assert.Equal((2, "1 Selectors greedy"), Told(workloads, own, most, shared));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void Of_a_namespace_whose_AuthorizationPolicies_name_too_many_values_all_are_closed()
    {
        string[] most = [.. Enumerable.Range(0, 4).Select(i => Values("greedy", $"p{i}", "ALLOW", AuthorizationPolicyReader.MostValues - 300))];
        string deny = Values("greedy", "deny", "DENY", 1000), own = Values("shop", "own", "ALLOW", 10), straw = Values("greedy", "straw", "ALLOW", 1000);
        Assert.Equal("63 63 63 63", Conditions([.. most, own]));
        Assert.Equal("1 0 0 0 0 0", Conditions([.. most, own, deny, straw]));

        // One that is too large by itself is none.
        ObjectSet read = Read([Values("greedy", "large", "ALLOW", AuthorizationPolicyReader.MostValues)]);
        Assert.Contains("name more than 16384 values in all", Assert.Single(read.Errors).Reason, StringComparison.Ordinal);

        string Conditions(string[] files)
        {
            string workload = Objects.Workload("w", "10.0.0.1").Replace("namespace: shop", "namespace: greedy", StringComparison.Ordinal);
            NodeSnapshot snapshot = MeshCompiler.Compile(Read([workload, .. files]), []).SnapshotFor("node-1");
            return string.Join(' ', snapshot.Policies.Values.OrderBy(p => p.Name.Name).Select(p => p.Rules.Count));
        }

        static ObjectSet Read(string[] files) => ObjectSetReader.Read(files.Select((f, i) => new SourceFile($"{i}.yaml", f)), ObjectSet.Empty);

        static string Values(string ns, string name, string action, int count) =>
            $"apiVersion: culvert.dev/v1alpha1\nkind: AuthorizationPolicy\nmetadata: {{name: {name}, namespace: {ns}}}\nspec:\n  action: {action}\n  rules:\n"
            + string.Concat(Enumerable.Range(0, count).Chunk(256).Select(c => $"  - from: [{{namespaces: [{string.Join(", ", c.Select(i => $"n{i}"))}]}}]\n"));
    }

    private static (int Groups, string Closed) Told(params string[] files)
    {
        ResourceCatalog catalog = MeshCompiler.Compile(ObjectSetReader.Read(files.Select((f, i) => new SourceFile($"{i}.yaml", f)), ObjectSet.Empty), []);
        SourceError[] closed = [.. catalog.Closed];
        return (catalog.Workloads["shop/web"].PeerGroups.Count, closed.Length == 0 ? "0" : $"{closed.Length} {(closed[0].Reason.StartsWith("selectors of pods", StringComparison.Ordinal) ? "Selectors" : "")} {ObjectKey.Parse(closed[0].Object)!.Value.Namespace}");
    }

    private static string Selectors(string ns, string name, int count, int from = 0) =>
        $"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: {ns}}}\nspec:\n  podSelector: {{}}\n  ingress:\n  - from:\n"
        + string.Concat(Enumerable.Range(from, count).Select(i => $"    - {{namespaceSelector: {{}}, podSelector: {{matchExpressions: [{{key: {ns}-{i}, operator: DoesNotExist}}]}}}}\n"));

    [Fact]
    [Trait("Category", "Attack")]
    public void Of_a_namespace_that_opens_too_many_ports_none_is_open()
    {
        string[] greedy = [.. Enumerable.Range(0, NamespaceLimits.MostOpenPorts / 32).Select(i => Workload("greedy", $"w{i}", $"10.0.1.{i}", string.Join(',', Enumerable.Range(1, 32))))];
        string own = Workload("shop", "web", "10.0.0.2", "9100"), straw = Workload("greedy", "straw", "10.0.2.1", "80");
        Assert.Equal(32, PortsOf([own, .. greedy], "greedy/w0"));
        Assert.Equal(0, PortsOf([own, .. greedy, straw], "greedy/w0"));
        Assert.Equal(1, PortsOf([own, .. greedy, straw], "shop/web"));
        Assert.Equal(greedy.Length + 1, Read([own, .. greedy, straw]).Warnings.Count(w => w.Reason.StartsWith("has no effect: workloads of namespace greedy ask for more than 1024 ports", StringComparison.Ordinal)));

        static int PortsOf(string[] files, string workload) => MeshCompiler.Compile(Read(files), []).SnapshotFor("node-1").Workloads[workload].ExcludedPorts.Count;

        static ObjectSet Read(string[] files) => ObjectSetReader.Read(files.Select((f, i) => new SourceFile($"{i}.yaml", f)), ObjectSet.Empty);

        static string Workload(string ns, string name, string address, string ports) =>
            $"apiVersion: culvert.dev/v1alpha1\nkind: Workload\nmetadata: {{name: {name}, namespace: {ns}, annotations: {{config.nsm.nginx.com/ignore-incoming-ports: \"{ports}\"}}}}\nspec: {{node: node-1, addresses: [{address}]}}\n";
    }
}

using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Culvert.Controller.Compilation;
using Culvert.Controller.Snapshots;
using Culvert.Controller.Store;
using Culvert.Core;

namespace Culvert.Controller.Tests;

/// <summary>What HTTPRouteGroups of SMI come to, by TrafficTargets and by TrafficSplits: against SMI's own words, read by an engine of expressions that goes back.</summary>
public sealed class SmiRequestTests
{
    private static readonly string[] Expressions = ["/a", "/a$", ".*", "/[^/]+/b", "^/b/", "/(a|b)/.+", "/a|/b$", @"/a\.b"];
    private static readonly string[] Paths = ["/", "/a", "/ab", "/a/b", "/b/", "/b/a/c", "/c/b", "/a.b", "/axb", "/a/b/b"];
    private static readonly string[] Values = ["x", "y", "xy", "x.*", "(x|y)", "[^x]+"];
    private static readonly string[] Methods = ["GET", "POST", "PUT"];

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 12)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Requests_are_allowed_and_divided_as_SMI_has_it(int seed)
    {
        Random random = new(seed);
        int allowed = 0, divided = 0, asked = 0;
        for (int round = 0; round < 30; round++)
        {
            Group[] groups = [.. Enumerable.Range(0, 2).Select(i => Group.Draw(random, $"g{i}"))];
            Rule[] rules = [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => Rule.Draw(random)).Append(new Rule("g0", random.Next(2) == 0 ? [] : ["m1"]))];
            ObjectSet objects = Read($"{World}{string.Concat(groups.Select(g => g.Text))}{Target(string.Join(", ", rules.Select(r => r.Text)))}{Split("{kind: HTTPRouteGroup, name: g0}, {kind: HTTPRouteGroup, name: g1}")}");
            Assert.Empty(objects.Errors);
            ResourceCatalog catalog = MeshCompiler.Compile(objects, []);
            NodeSnapshot snapshot = catalog.SnapshotFor("n1");
            HttpRouteTable table = new(catalog.HttpRoutes.Values);
            for (int i = 0; i < 40; i++)
            {
                Asked request = Asked.Draw(random);
                ushort port = (ushort)random.Next(80, 83);
                ushort[][] ports = [.. rules.Where(r => r.Ports is not null).Select(r => r.Ports!)];
                bool expected = (ports.Length == 0 || ports.Any(p => p.Length == 0 || p.Contains(port)))
                    && rules.Any(r => r.Ports is null && groups.Single(g => g.Name == r.Name).Matches.Any(m => (r.Matches.Length == 0 || r.Matches.Contains(m.Name)) && m.Has(request)));
                Assert.True(expected == IsAllowed(snapshot, port, request), $"{request} at {port}\n{string.Join('\n', rules.Select(r => r.Text))}\n{string.Concat(groups.Select(g => g.Text))}");
                bool isDivided = groups.SelectMany(g => g.Matches).Any(m => m.Has(request));
                Assert.True(table.TryFind(request.Routed, out HttpRouteHit? hit));
                Assert.Equal(isDivided ? "shop/next" : "shop/web", Assert.Single(hit.Rule.Backends).Service.ToString());
                (allowed, divided, asked) = (allowed + (expected ? 1 : 0), divided + (isDivided ? 1 : 0), asked + 1);
            }
        }

        Assert.InRange(allowed, asked / 20, asked * 19 / 20);
        Assert.InRange(divided, asked / 20, asked * 19 / 20);
    }

    [Fact]
    public void A_group_that_is_bad_allows_nothing_and_divides_nothing()
    {
        const string Bad = "apiVersion: specs.smi-spec.io/v1alpha4\nkind: HTTPRouteGroup\nmetadata: {name: g, namespace: shop}\nspec: {matches: [{name: good, pathRegex: /a}, {name: bad, pathRegex: '/(a)\\1'}]}\n---\n";
        ObjectSet objects = Read($"{World}{Bad}{Target("{kind: HTTPRouteGroup, name: g, matches: [good]}")}{Split("{kind: HTTPRouteGroup, name: g}")}");
        Assert.Equal("spec.matches[1].pathRegex", Assert.Single(objects.Errors).Field);
        ResourceCatalog catalog = MeshCompiler.Compile(objects, []);
        Asked request = new("GET", "/a", []);
        Assert.False(IsAllowed(catalog.SnapshotFor("n1"), 80, request));
        Assert.True(new HttpRouteTable(catalog.HttpRoutes.Values).TryFind(request.Routed, out HttpRouteHit? hit));
        Assert.Equal("shop/web", Assert.Single(hit!.Rule.Backends).Service.ToString());

        // One that was good stays in force.
        string good = Bad.Replace(", {name: bad, pathRegex: '/(a)\\1'}", "", StringComparison.Ordinal);
        ObjectSet before = Read($"{World}{good}{Target("{kind: HTTPRouteGroup, name: g}")}");
        Assert.True(IsAllowed(MeshCompiler.Compile(before, []).SnapshotFor("n1"), 80, request));
        ObjectSet after = ObjectSetReader.Read([new("a.yaml", $"{World}{Bad}{Target("{kind: HTTPRouteGroup, name: g}")}")], before);
        Assert.True(IsAllowed(MeshCompiler.Compile(after, []).SnapshotFor("n1"), 80, request));
    }

    [Fact]
    public void What_nobody_reads_is_not_allowed()
    {
        ObjectSet objects = Read($"{World}{new Group("g0", [new Match("m0", null, [], [])]).Text}{Target("{kind: HTTPRouteGroup, name: g0}")}");
        NodeSnapshot snapshot = MeshCompiler.Compile(objects, []).SnapshotFor("n1");
        Assert.True(IsAllowed(snapshot, 80, new("GET", "/", [])));
        Assert.False(PolicyEvaluator.Evaluate(snapshot, Connection(snapshot, 80)).IsAllowed);
    }

    [Fact]
    public void A_split_that_gets_another_root_leaves_the_one_before()
    {
        string group = new Group("g0", [new Match("m0", null, [], [])]).Text, split = Split("{kind: HTTPRouteGroup, name: g0}");
        MeshCompiler compiler = new();
        ObjectSet first = Read($"{World}{group}{split}");
        Assert.Equal("shop/web", Assert.Single(Assert.Single(compiler.Update(first, null, []).HttpRoutes.Values).Parents).Service.ToString());
        ObjectSet second = Read($"{World}{group}{split.Replace("service: web", "service: next", StringComparison.Ordinal)}");
        Assert.Equal("shop/next", Assert.Single(Assert.Single(compiler.Update(second, null, []).HttpRoutes.Values).Parents).Service.ToString());
        ObjectSet back = Read($"{World}{group}{split}");
        Assert.Equal("shop/web", Assert.Single(Assert.Single(compiler.Update(back, null, []).HttpRoutes.Values).Parents).Service.ToString());
        Assert.Empty(compiler.Update(Read($"{World}{group}"), null, []).HttpRoutes);
    }

    [Fact]
    public void A_TCPRoute_counts_before_a_split_with_matches_and_the_backends_are_its_own()
    {
        string group = new Group("g0", [new Match("m0", null, [], [])]).Text, split = Split("{kind: HTTPRouteGroup, name: g0}");
        const string Route = "apiVersion: gateway.networking.k8s.io/v1\nkind: TCPRoute\nmetadata: {name: r, namespace: shop}\nspec: {parentRefs: [{group: \"\", kind: Service, name: web}], rules: [{backendRefs: [{name: next, port: 80}]}]}\n---\n";
        ObjectSet objects = Read($"{World}{group}{split}{Route}");
        Assert.Empty(MeshCompiler.Compile(objects, []).HttpRoutes);
        Assert.Contains(objects.Warnings, w => w.Reason.Contains("TCPRoute shop/r counts for port 80/tcp", StringComparison.Ordinal));

        // Without it connections to the root stay with its own pods.
        ServiceInfo web = MeshCompiler.Compile(Read($"{World}{group}{split}"), []).SnapshotFor("n1").Services[new("shop", "web")];
        Assert.Equal("10.0.0.1", Assert.Single(web.Ports.Single(p => p.Port == 80).Backends).Address.ToString());
    }

    [Fact]
    public void Of_groups_whose_expressions_are_too_large_together_a_split_divides_nothing()
    {
        string[] groups = [.. Enumerable.Range(0, 2).Select(g => new Group($"g{g}", [.. Enumerable.Range(0, 17).Select(m => new Match($"m{m}", $"/.{{{120}}}{(char)('a' + m)}", [], []))]).Text)];
        string one = Split("{kind: HTTPRouteGroup, name: g0}"), both = Split("{kind: HTTPRouteGroup, name: g0}, {kind: HTTPRouteGroup, name: g1}");
        Assert.Equal((2, 0), Told(one));
        Assert.Equal((1, 1), Told(both));
        ObjectSet objects = Read($"{World}{new Group("g", [.. Enumerable.Range(0, 34).Select(m => new Match($"m{m}", $"/.{{{120}}}{m}", [], []))]).Text}");
        Assert.Equal("with it, the expressions of the object have 4206 characters and classes, counted as often as they are repeated; at most 4096 are allowed", Assert.Single(objects.Errors).Reason);

        (int Rules, int Warnings) Told(string split)
        {
            ObjectSet set = Read($"{World}{string.Concat(groups)}{split}");
            Assert.Empty(set.Errors);
            return (Assert.Single(MeshCompiler.Compile(set, []).HttpRoutes.Values).Rules.Count, set.Warnings.Count(w => w.Reason.Contains("or their expressions to more than 4096 characters and classes: all requests go to the root Service", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public void Where_a_namespace_asks_for_too_much_none_of_its_requests_are_allowed()
    {
        static string Many(int count) => string.Concat(Enumerable.Range(0, 4).Select(g => new Group($"g{g}", [.. Enumerable.Range(0, count).Select(i => new Match($"m{i}", $"/a/[^/]+/{g}{i}$", [], []))]).Text));
        string target = Target(string.Join(", ", Enumerable.Range(0, 4).Select(g => $"{{kind: HTTPRouteGroup, name: g{g}}}")));
        Asked request = new("GET", "/a/b/01", []);
        MeshCompiler compiler = new();
        ObjectSet few = Read($"{World}{Many(15)}{target}"), many = Read($"{World}{Many(64)}{target}{Target("{kind: TCPRoute, name: one}").Replace("{name: web, namespace", "{name: ports, namespace", StringComparison.Ordinal).Replace("name: web}, sources", "name: next}, sources", StringComparison.Ordinal)}");
        Assert.True(IsAllowed(compiler.Update(few, null, []).SnapshotFor("n1"), 80, request));
        Assert.Empty(few.Warnings);
        ResourceCatalog closed = compiler.Update(many, null, []);
        Assert.False(IsAllowed(closed.SnapshotFor("n1"), 80, request));
        Assert.Contains("allows no requests", Assert.Single(many.Warnings).Reason, StringComparison.Ordinal);
        Assert.NotEmpty(closed.SnapshotFor("n1").Policies[new("shop", "traffictarget:ports")].Rules);
        Assert.True(IsAllowed(compiler.Update(few, null, []).SnapshotFor("n1"), 80, request));
    }

    private const string World = """
        apiVersion: culvert.dev/v1alpha1
        kind: Workload
        metadata: {name: web, namespace: shop, labels: {app: web}}
        spec: {node: n1, serviceAccount: web, addresses: [10.0.0.1]}
        ---
        apiVersion: culvert.dev/v1alpha1
        kind: Workload
        metadata: {name: next, namespace: shop, labels: {app: next}}
        spec: {node: n1, serviceAccount: next, addresses: [10.0.0.2]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: web, namespace: shop}
        spec: {clusterIP: 10.96.0.1, selector: {app: web}, ports: [{name: http, port: 80}]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: next, namespace: shop}
        spec: {clusterIP: 10.96.0.2, selector: {app: next}, ports: [{name: http, port: 80}]}
        ---
        apiVersion: specs.smi-spec.io/v1alpha4
        kind: TCPRoute
        metadata: {name: one, namespace: shop}
        spec: {matches: {ports: [80]}}
        ---
        apiVersion: specs.smi-spec.io/v1alpha4
        kind: TCPRoute
        metadata: {name: two, namespace: shop}
        spec: {matches: {ports: [80, 81]}}
        ---
        apiVersion: specs.smi-spec.io/v1alpha4
        kind: TCPRoute
        metadata: {name: all, namespace: shop}
        spec: {}
        ---

        """;

    private static string Target(string rules) =>
        $"apiVersion: access.smi-spec.io/v1alpha3\nkind: TrafficTarget\nmetadata: {{name: web, namespace: shop}}\nspec: {{destination: {{kind: ServiceAccount, name: web}}, sources: [{{kind: ServiceAccount, name: front, namespace: edge}}], rules: [{rules}]}}\n---\n";

    private static string Split(string matches) =>
        $"apiVersion: split.smi-spec.io/v1alpha4\nkind: TrafficSplit\nmetadata: {{name: web, namespace: shop}}\nspec: {{service: web, backends: [{{service: next, weight: 1}}], matches: [{matches}]}}\n---\n";

    private static ObjectSet Read(string text) => ObjectSetReader.Read([new("a.yaml", text)], ObjectSet.Empty);

    private static bool IsAllowed(NodeSnapshot snapshot, ushort port, Asked request) => PolicyEvaluator.Evaluate(snapshot, Connection(snapshot, port), request.Head).IsAllowed;

    private static ConnectionRequest Connection(NodeSnapshot snapshot, ushort port) => new()
    {
        SourceIdentity = SpiffeId.ForServiceAccount(snapshot.Mesh.TrustDomain, "edge", "front"),
        SourceAddress = IPAddress.Parse("10.9.9.9"),
        SourceWorkload = null,
        Destination = snapshot.Workloads["shop/web"],
        Port = port,
        Protocol = TransportProtocol.Tcp,
        Authenticated = true,
    };

    private static string Pick(Random random, string[] of) => of[random.Next(of.Length)];

    private sealed record Match(string Name, string? Path, string[] Methods, (string Name, string Value)[] Headers)
    {
        internal string Text => $"{{name: {Name}{(Path is null ? "" : $", pathRegex: '{Path}'")}, methods: [{string.Join(", ", Methods.Select(m => $"'{m}'"))}], headers: {{{string.Join(", ", Headers.Select(h => $"{h.Name}: '{h.Value}'"))}}}}}";

        internal bool Has(Asked request) => (Path is null || Regex.IsMatch(request.Path, $"^(?:{Path})"))
            && (Methods.Length == 0 || Methods.Contains("*") || Methods.Contains(request.Method))
            && Headers.All(h => request.Headers.Any(r => r.Name.Equals(h.Name, StringComparison.OrdinalIgnoreCase) && Regex.IsMatch(r.Value, $@"\A(?:{h.Value})\z")));
    }

    private sealed record Group(string Name, Match[] Matches)
    {
        internal string Text => $"apiVersion: specs.smi-spec.io/v1alpha4\nkind: HTTPRouteGroup\nmetadata: {{name: {Name}, namespace: shop}}\nspec: {{matches: [{string.Join(", ", Matches.Select(m => m.Text))}]}}\n---\n";

        internal static Group Draw(Random random, string name) => new(name, [.. Enumerable.Range(0, 3).Select(i => new Match(
            $"m{i}",
            random.Next(4) == 0 ? null : Pick(random, Expressions),
            random.Next(3) switch { 0 => [], 1 => [Pick(random, Methods)], _ => ["PUT", random.Next(4) == 0 ? "*" : Pick(random, Methods)] },
            random.Next(3) switch { 0 => [], 1 => [("X-Team", Pick(random, Values))], _ => [("x-team", Pick(random, Values)), ("cookie", Pick(random, Values))] }))]);
    }

    private sealed record Rule(string Name, string[] Matches, ushort[]? Ports = null)
    {
        internal string Text => Ports is null ? $"{{kind: HTTPRouteGroup, name: {Name}, matches: [{string.Join(", ", Matches)}]}}" : $"{{kind: TCPRoute, name: {Name}}}";

        internal static Rule Draw(Random random) => random.Next(7) switch
        {
            0 => new("one", [], [80]),
            1 => new("two", [], [80, 81]),
            2 => new("all", [], []),
            _ => new($"g{random.Next(2)}", random.Next(3) switch { 0 => [], 1 => ["m0"], _ => ["m1", "m2"] }),
        };
    }

    private sealed record Asked(string Method, string Path, (string Name, string Value)[] Headers) : IRequestFields
    {
        public int Count => Headers.Length;

        internal RequestHead Head => new(Encoding.ASCII.GetBytes(Method), PathReadings.Plain(Encoding.ASCII.GetBytes(Path)), "web"u8, this);

        internal RoutedRequest Routed => new(Encoding.ASCII.GetBytes(Method), Encoding.ASCII.GetBytes(Path + "?q"), this);

        public void Get(int index, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
        {
            name = Encoding.ASCII.GetBytes(Headers[index].Name);
            value = Encoding.ASCII.GetBytes(Headers[index].Value);
        }

        internal static Asked Draw(Random random) => new(Pick(random, SmiRequestTests.Methods), Pick(random, Paths), [.. new[] { "x-team", "cookie" }.Where(_ => random.Next(3) > 0).Select(n => (n, Pick(random, ["x", "y", "xy", "z"])))]);
    }
}

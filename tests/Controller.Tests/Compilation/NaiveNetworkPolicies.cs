using System.Net;
using Culvert.Core;

namespace Culvert.Controller.Tests.Compilation;

/// <summary>
/// A world of pods and NetworkPolicies and what the documentation of Kubernetes says of it, in the most simple-minded way: each question is asked of every policy, with nothing
/// worked out beforehand. Shares nothing with the controller or the agents but the texts that it prints.
/// </summary>
internal sealed class NaiveNetworkPolicies
{
    private static readonly string[] Namespaces = ["shop", "web", "lab"];
    private static readonly string[] Apps = ["a", "b", "c"];
    private static readonly string[] PortNames = ["http", "dns"];
    private static readonly int[] Ports = [53, 80, 443, 8080, 32000];
    private static readonly string[] External = ["192.0.2.1", "192.0.2.200", "198.51.100.7"];
    private readonly Random _random;

    public NaiveNetworkPolicies(int seed)
    {
        _random = new(seed);
        Pods = [.. Enumerable.Range(1, 3 + _random.Next(8)).Select(NewPod)];
        foreach (string ns in Namespaces) Teams[ns] = _random.Next(3) == 0 ? null : "t" + _random.Next(2);
        Policies = [.. Enumerable.Range(1, _random.Next(6)).Select(NewPolicy)];
    }

    internal sealed record Pod(string Namespace, string Name, string Address, string? App, bool Host, bool Enrolled, Dictionary<string, (int Port, string Protocol)> Ports);

    internal sealed record Expression(string Key, string Operator, string[] Values);

    internal sealed record Selector(Dictionary<string, string> Labels, Expression[] Expressions);

    internal sealed record Peer(Selector? Pods, Selector? Namespaces, string? Cidr, string[] Except);

    internal sealed record PolicyPort(string Protocol, string? Port, int? End);

    internal sealed record Rule(Peer[] Peers, PolicyPort[] Ports);

    internal sealed record Policy(string Namespace, string Name, Selector Pods, string[]? Types, Rule[]? Ingress, Rule[]? Egress);

    public Pod[] Pods { get; }

    public Policy[] Policies { get; }

    public Dictionary<string, string?> Teams { get; } = [];

    /// <summary>Whether a pod takes a connection from an address.</summary>
    public bool MayComeIn(Pod pod, string from, int port, string protocol)
    {
        if (pod.Host || from == pod.Address) return true;
        Policy[] selecting = [.. Policies.Where(p => Selects(p, pod) && (p.Types is null || p.Types.Contains("Ingress")))];
        return selecting.Length == 0 || selecting.Any(p => (p.Ingress ?? []).Any(r => Meets(r, p.Namespace, from) && MeetsPort(r, pod, port, protocol)));
    }

    /// <summary>Whether a pod makes a connection to an address.</summary>
    public bool MayGoOut(Pod pod, string to, int port, string protocol)
    {
        if (pod.Host || to == pod.Address) return true;
        Policy[] selecting = [.. Policies.Where(p => Selects(p, pod) && (p.Types is null ? p.Egress is { Length: > 0 } : p.Types.Contains("Egress")))];
        Pod? destination = Pods.FirstOrDefault(p => p.Address == to && !p.Host);
        return selecting.Length == 0 || selecting.Any(p => (p.Egress ?? []).Any(r => Meets(r, p.Namespace, to) && MeetsPort(r, destination, port, protocol)));
    }

    /// <summary>Any address that there may be something about.</summary>
    public string AnyAddress() => _random.Next(3) == 0 ? Pick(External) : Pick(Pods).Address;

    public int AnyPort() => _random.Next(3) == 0 ? _random.Next(1, 65536) : Pick(Ports);

    public string AnyProtocol() => _random.Next(2) == 0 ? "TCP" : "UDP";

    /// <summary>The objects as YAML.</summary>
    public string Yaml() => string.Join("---\n",
    [
        .. Teams.Select(t => $"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {t.Key}{(t.Value is null ? "" : $", labels: {{team: {t.Value}}}")}}}\n"),
        .. Pods.Select(p => $"apiVersion: culvert.dev/v1alpha1\nkind: Workload\nmetadata: {{name: {p.Name}, namespace: {p.Namespace}{(p.App is null ? "" : $", labels: {{app: {p.App}}}")}}}\n"
            + $"spec: {{node: n1, addresses: [{p.Address}], {(p.Host ? "hostNetwork: true" : $"enrolled: {(p.Enrolled ? "true" : "false")}")}"
            + $"{(p.Ports.Count == 0 ? "" : $", ports: [{string.Join(", ", p.Ports.Select(q => $"{{name: {q.Key}, port: {q.Value.Port}, protocol: {q.Value.Protocol}}}"))}]")}}}\n"),
        .. Policies.Select(p => $"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {p.Name}, namespace: {p.Namespace}}}\nspec: {{podSelector: {Text(p.Pods)}"
            + $"{(p.Types is null ? "" : $", policyTypes: [{string.Join(", ", p.Types)}]")}{Rules("ingress", "from", p.Ingress)}{Rules("egress", "to", p.Egress)}}}\n"),
    ]);

    private bool Selects(Policy policy, Pod pod) => !pod.Host && policy.Namespace == pod.Namespace && Matches(policy.Pods, Labels(pod));

    private bool Meets(Rule rule, string ns, string address)
    {
        if (rule.Peers.Length == 0) return true;
        Pod? pod = Pods.FirstOrDefault(p => p.Address == address && !p.Host);
        foreach (Peer peer in rule.Peers)
        {
            if (peer.Cidr is { } cidr)
            {
                if (IPNetwork.Parse(cidr).Contains(IPAddress.Parse(address)) && !peer.Except.Any(e => IPNetwork.Parse(e).Contains(IPAddress.Parse(address)))) return true;
                continue;
            }
            if (pod is null) continue;
            bool inNamespace = peer.Namespaces is null ? pod.Namespace == ns : Matches(peer.Namespaces, NamespaceLabels(pod.Namespace));
            if (inNamespace && (peer.Pods is null || Matches(peer.Pods, Labels(pod)))) return true;
        }
        return false;
    }

    private static bool MeetsPort(Rule rule, Pod? destination, int port, string protocol) => rule.Ports.Length == 0 || rule.Ports.Any(p =>
    {
        if (p.Protocol != protocol) return false;
        if (p.Port is null) return true;
        if (!int.TryParse(p.Port, out int first)) return destination is not null && destination.Ports.TryGetValue(p.Port, out var named) && named == (port, protocol);
        return port >= first && port <= (p.End ?? first);
    });

    private static bool Matches(Selector selector, Dictionary<string, string> labels) =>
        selector.Labels.All(l => labels.GetValueOrDefault(l.Key) == l.Value) && selector.Expressions.All(e => e.Operator switch
        {
            "In" => labels.ContainsKey(e.Key) && e.Values.Contains(labels[e.Key]),
            "NotIn" => !labels.ContainsKey(e.Key) || !e.Values.Contains(labels[e.Key]),
            "Exists" => labels.ContainsKey(e.Key),
            _ => !labels.ContainsKey(e.Key),
        });

    private static Dictionary<string, string> Labels(Pod pod) => pod.App is null ? [] : new() { ["app"] = pod.App };

    private Dictionary<string, string> NamespaceLabels(string ns)
    {
        Dictionary<string, string> labels = new() { ["kubernetes.io/metadata.name"] = ns };
        if (Teams[ns] is { } team) labels["team"] = team;
        return labels;
    }

    private Pod NewPod(int i)
    {
        bool host = _random.Next(8) == 0;
        Dictionary<string, (int, string)> ports = [];
        foreach (string name in PortNames.Where(_ => _random.Next(2) == 0)) ports[name] = (Pick(Ports), AnyProtocol());
        return new(Pick(Namespaces), $"p{i}", host ? "10.0.9.1" : $"10.0.{_random.Next(2)}.{i}", _random.Next(4) == 0 ? null : Pick(Apps), host, _random.Next(5) != 0, ports);
    }

    private Policy NewPolicy(int i)
    {
        string[]? types = _random.Next(3) switch { 0 => null, 1 => ["Ingress", "Egress"], _ => [_random.Next(2) == 0 ? "Ingress" : "Egress"] };
        return new(Pick(Namespaces), $"np{i}", NewSelector("app", Apps), types, SomeRules(), SomeRules());
    }

    private Rule[]? SomeRules() => _random.Next(4) == 0 ? null : [.. Enumerable.Range(0, _random.Next(3)).Select(_ => new Rule(Many(3, NewPeer), Many(3, NewPort)))];

    private Peer NewPeer() => _random.Next(5) switch
    {
        0 => new(NewSelector("app", Apps), null, null, []),
        1 => new(null, NewSelector("team", ["t0", "t1"]), null, []),
        2 => new(NewSelector("app", Apps), NewSelector("kubernetes.io/metadata.name", Namespaces), null, []),
        3 => new(null, null, "0.0.0.0/0", Many(2, () => Pick(["10.0.0.0/24", "192.0.2.128/25", "10.0.0.2/32"]))),
        _ => new(null, null, Pick(["10.0.0.0/16", "10.0.1.0/24", "192.0.2.0/24", "10.0.0.3/32"]), []),
    };

    private PolicyPort NewPort() => _random.Next(4) switch
    {
        0 => new(AnyProtocol(), null, null),
        1 => new(AnyProtocol(), Pick(PortNames), null),
        2 => new(AnyProtocol(), $"{Pick(Ports)}", null),
        _ => new(AnyProtocol(), "60", 9000),
    };

    private Selector NewSelector(string key, string[] values) => _random.Next(5) switch
    {
        0 => new([], []),
        1 => new([], [new(key, Pick(["In", "NotIn"]), [Pick(values), Pick(values)])]),
        2 => new([], [new(key, Pick(["Exists", "DoesNotExist"]), [])]),
        3 => new(new() { [key] = Pick(values) }, [new(key, "NotIn", [Pick(values)])]),
        _ => new(new() { [key] = Pick(values) }, []),
    };

    private static string Rules(string field, string peers, Rule[]? rules) => rules is null ? "" : $", {field}: [{string.Join(", ", rules.Select(r => $"{{{string.Join(", ", Parts(r))}}}"))}]".Replace("{PEERS:", $"{{{peers}:", StringComparison.Ordinal);

    private static IEnumerable<string> Parts(Rule rule)
    {
        if (rule.Peers.Length > 0) yield return $"PEERS: [{string.Join(", ", rule.Peers.Select(Text))}]";
        if (rule.Ports.Length > 0) yield return $"ports: [{string.Join(", ", rule.Ports.Select(p => $"{{protocol: {p.Protocol}{(p.Port is null ? "" : $", port: {p.Port}")}{(p.End is null ? "" : $", endPort: {p.End}")}}}"))}]";
    }

    private static string Text(Peer peer) => peer.Cidr is not null
        ? $"{{ipBlock: {{cidr: {peer.Cidr}{(peer.Except.Length == 0 ? "" : $", except: [{string.Join(", ", peer.Except)}]")}}}}}"
        : $"{{{string.Join(", ", new[] { peer.Pods is null ? null : $"podSelector: {Text(peer.Pods)}", peer.Namespaces is null ? null : $"namespaceSelector: {Text(peer.Namespaces)}" }.OfType<string>())}}}";

    private static string Text(Selector s) => $"{{matchLabels: {{{string.Join(", ", s.Labels.Select(l => $"{l.Key}: {l.Value}"))}}}, matchExpressions: [{string.Join(", ", s.Expressions.Select(e => $"{{key: {e.Key}, operator: {e.Operator}{(e.Values.Length == 0 ? "" : $", values: [{string.Join(", ", e.Values)}]")}}}"))}]}}";

    private T[] Many<T>(int most, Func<T> make) => [.. Enumerable.Range(0, _random.Next(most)).Select(_ => make())];

    private T Pick<T>(T[] items) => items[_random.Next(items.Length)];
}

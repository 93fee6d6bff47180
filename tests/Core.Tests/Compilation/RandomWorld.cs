using System.Collections.Immutable;
using System.Net;

namespace Culvert.Core.Tests;

/// <summary>Makes random worlds that are small enough for policies, ports and prefixes to meet often.</summary>
internal sealed class RandomWorld(int seed)
{
    private static readonly string[] Issuers = ["i1", "i2"], Subjects = ["s1", "s2"], Teams = ["web", "ops", "db"];

    private static readonly string[] Blocks = ["0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/24", "10.0.0.4/30", "10.0.0.5/32", "10.1.0.0/16", "192.0.2.0/24", "::/0", "fd00::/16", "fd00::4/126", "fd00::5/128"];
    private static readonly string[] Addresses = ["10.0.0.1", "10.0.0.5", "10.0.0.6", "10.0.0.77", "10.1.2.3", "10.9.9.9", "192.0.2.1", "198.51.100.1", "fd00::5", "fd00::6", "fd00:1::1", "2001:db8::1"];
    private static readonly string[] Identities = ["*", "td/*", "td/ns/a/*", "td/ns/a/sa/s1", "td/ns/b/sa/s2", "*/sa/s1", "other/ns/a/sa/s1"];
    private static readonly string[] Namespaces = ["a", "b", "a*", "*", "c"];
    private static readonly ushort[] Ports = [1, 2, 80, 443, 65535];
    private static readonly string[] Groups = ["g1", "g2", "g3"];
    private static readonly string[] PortNames = ["dns", "web"];
    private static readonly PolicyAction[] Actions = [PolicyAction.Allow, PolicyAction.Deny, PolicyAction.Audit, PolicyAction.Custom];
    private static readonly string[] Methods = ["GET", "POST", "PUT"];
    private static readonly string[] Hosts = ["a.b", "shop", "c.b"];
    private static readonly string[] Paths = ["/", "/a", "/a/b", "/a%2Fb", "//a", "/a;x/b", "/b/../a/c"];
    private static readonly string[] PathPatterns = ["/a", "/a/*", "*b", "*", "/{*}", "/a/{**}", "^/a", "^/[^/]+/b", "^.*b$"];
    private static readonly string[] HeaderValues = ["web", "ops", "w1"];
    private readonly Random _random = new(seed);

    public NodeSnapshot Next()
    {
        PolicyInfo[] policies = [.. Enumerable.Range(0, _random.Next(6)).Select(i => new PolicyInfo
        {
            Name = new("a", "p" + i), Action = Pick(Actions), Authorizer = "authz", Rules = Many(3, Rule),
        })];
        // Half of the worlds have no NetworkPolicy at all.
        NetworkPolicyInfo[] networkPolicies = [.. Enumerable.Range(0, Math.Max(0, _random.Next(8) - 3)).Select(i => new NetworkPolicyInfo
        {
            Name = new("a", "n" + i), IsolatesIngress = _random.Next(3) != 0, IsolatesEgress = _random.Next(3) != 0, Ingress = Many(2, NetworkRule), Egress = Many(2, NetworkRule),
        })];
        WorkloadInfo[] workloads = [.. Enumerable.Range(0, 1 + _random.Next(8)).Select(i => Workload(i, policies, networkPolicies))];
        var mesh = new MeshSettings { DefaultAction = (DefaultAction)_random.Next(2), NetworkPolicy = _random.Next(4) == 0 ? NetworkPolicyMode.Report : NetworkPolicyMode.Enforce };
        return Given.Snapshot(mesh, policies, workloads) with { NetworkPolicies = networkPolicies.ToImmutableDictionary(p => p.Name) };
    }

    public ConnectionRequest Request(NodeSnapshot snapshot, WorkloadInfo destination)
    {
        // Half of the sources are workloads, half any address. Only a workload that owns its address alone can prove who it is.
        WorkloadInfo source = AnyOf(snapshot);
        IPAddress address = _random.Next(2) == 0 ? source.Addresses[_random.Next(source.Addresses.Count)] : IPAddress.Parse(Pick(Addresses));
        WorkloadInfo[] owners = [.. snapshot.Workloads.Values.Where(w => w.Addresses.Contains(address))];
        bool provable = owners.Length > 0 && owners.All(o => o.Enrolled && o.Identity == owners[0].Identity);
        return new()
        {
            SourceAddress = address,
            SourceWorkload = new SnapshotIndex(snapshot).FindWorkload(address),
            SourceIdentity = provable ? owners[0].Identity : null,
            Authenticated = provable && _random.Next(2) == 0,
            Destination = destination,
            Port = Port(),
            Protocol = Protocol(),
        };
    }

    public EgressRequest EgressRequest(NodeSnapshot snapshot, WorkloadInfo source)
    {
        WorkloadInfo other = AnyOf(snapshot);
        IPAddress address = _random.Next(2) == 0 ? other.Addresses[_random.Next(other.Addresses.Count)] : IPAddress.Parse(Pick(Addresses));
        return new()
        {
            Source = source,
            DestinationAddress = address,
            DestinationWorkload = new SnapshotIndex(snapshot).FindWorkload(address),
            Port = Port(),
            Protocol = Protocol(),
        };
    }

    // In an order that the seed decides alone: that of a dictionary by strings is another in each process.
    private WorkloadInfo AnyOf(NodeSnapshot snapshot) => Pick([.. snapshot.Workloads.Values.OrderBy(w => w.Uid, StringComparer.Ordinal)]);

    private ushort Port() => _random.Next(3) == 0 ? (ushort)_random.Next(1, 65536) : Pick(Ports);

    private TransportProtocol Protocol() => _random.Next(2) == 0 ? TransportProtocol.Tcp : TransportProtocol.Udp;

    private WorkloadInfo Workload(int i, PolicyInfo[] policies, NetworkPolicyInfo[] networkPolicies)
    {
        string ns = Pick(["a", "b", "c"]), account = Pick(["s1", "s2"]);
        return new()
        {
            Uid = $"{ns}/w{i}",
            Name = new(ns, "w" + i),
            ServiceAccount = account,
            Identity = SpiffeId.ForServiceAccount(_random.Next(8) == 0 ? "other" : Given.TrustDomain, ns, account),
            Node = "n1",
            Addresses = [IPAddress.Parse(Pick(Addresses)), IPAddress.Parse(Pick(Addresses))],
            Enrolled = _random.Next(6) != 0,
            MtlsMode = (MtlsMode)_random.Next(2),
            ApplicationPorts = _random.Next(2) == 0 ? [] : [new(80, "http"), new(443, Pick(["http2", "tls"]))],
            PolicyNames = policies.Where(_ => _random.Next(2) == 0).Select(p => p.Name).ToEquatableArray(),
            NetworkPolicyNames = networkPolicies.Where(_ => _random.Next(2) == 0).Select(p => p.Name).ToEquatableArray(),
            PeerGroups = Groups.Where(_ => _random.Next(2) == 0).ToEquatableArray(),
            NamedPorts = PortNames.Where(_ => _random.Next(2) == 0).Select(n => new NamedPort(n, Pick(Ports), Protocol())).ToEquatableArray(),
        };
    }

    private NetworkPolicyRule NetworkRule() => new() { Peers = Many(2, Peer), Ports = Many(2, NetworkPort) };

    private NetworkPolicyPeer Peer() => _random.Next(2) == 0
        ? new() { Group = Pick(Groups) }
        : new() { Block = IpPrefix.Parse(Pick(Blocks)), Except = Rarely(() => Given.Blocks(Pick(Blocks))) };

    private NetworkPolicyPort NetworkPort()
    {
        ushort a = Port(), b = Port();
        return _random.Next(4) switch
        {
            0 => NetworkPolicyPort.All(Protocol()),
            1 => NetworkPolicyPort.Called(Pick(PortNames), Protocol()),
            2 => NetworkPolicyPort.Exactly(a, Protocol()),
            _ => new(Protocol(), Math.Min(a, b), Math.Max(a, b)),
        };
    }

    /// <summary>A request that conditions of these worlds are often met by.</summary>
    public SomeRequest HttpRequest() => new(Pick(Methods), Pick(Hosts), Pick(Paths), [.. Enumerable.Range(0, _random.Next(3)).Select(_ => ("x-team", Pick(HeaderValues)))])
    {
        Token = _random.Next(3) == 0 ? null : SomeJwt.Claims(Pick(Issuers), Pick(Subjects), Pick(Teams), Pick(Teams)),
    };

    private PolicyRule Rule()
    {
        PolicyRule rule = new() { From = Many(2, Source), To = Many(2, Destination) };
        if (_random.Next(4) != 0) return rule;
        rule = rule with { From = rule.From.Select(s => _random.Next(2) == 0 ? s with { Token = Token() } : s).ToEquatableArray(), When = Many(2, Claim) };
        if (!rule.AsksAboutTokens) return rule;
        return rule with { To = rule.To.IsEmpty ? [new PolicyDestination { Protocol = TransportProtocol.Tcp }] : rule.To.Select(t => t with { Protocol = TransportProtocol.Tcp }).ToEquatableArray() };
    }

    private TokenConditions Token() => new() { Principals = Rarely(() => Given.Patterns(Pick(Issuers) + "/*", "*/" + Pick(Subjects))), NotPrincipals = Rarely(() => Given.Patterns("*/" + Pick(Subjects))) };

    private ClaimCondition Claim() => new() { Path = Pick<EquatableArray<string>>([[], ["teams"], ["in", "team"], ["none"]]), Values = Rarely(() => Given.Patterns(Pick(Teams), "*" + Pick(Subjects))), NotValues = Rarely(() => Given.Patterns(Pick(Teams))) };

    private PolicyDestination Destination()
    {
        bool asksAboutRequests = _random.Next(3) == 0;
        return new()
        {
            Ports = Many(2, () => Pick(Ports)),
            NotPorts = Many(1, () => Pick(Ports)),
            Protocol = asksAboutRequests ? TransportProtocol.Tcp : Pick<TransportProtocol?>([null, null, TransportProtocol.Tcp, TransportProtocol.Udp]),
            Request = asksAboutRequests ? Conditions() : null,
        };
    }

    private RequestConditions Conditions() => new()
    {
        Methods = Rarely<string>(() => [Pick(Methods), Pick(Methods)]),
        NotMethods = Rarely<string>(() => [Pick(Methods)]),
        Paths = Rarely<PathPattern>(() => [PathPattern.ParseAny(Pick(PathPatterns)), PathPattern.ParseAny(Pick(PathPatterns))]),
        NotPaths = Rarely<PathPattern>(() => [PathPattern.ParseAny(Pick(PathPatterns))]),
        Hosts = Rarely(() => Given.Patterns(Pick(Hosts), "*.b")),
        NotHosts = Rarely(() => Given.Patterns(Pick(Hosts))),
        Headers = Rarely<HeaderCondition>(() => [new() { Name = "x-team", Values = Rarely(() => Given.Patterns(Pick(HeaderValues), "w*")), Expressions = Rarely<RouteExpression>(() => [Given.Expression("w.*b|.")]), NotValues = Rarely(() => Given.Patterns(Pick(HeaderValues))) }]),
    };

    private PolicySource Source() => new()
    {
        Identities = Rarely(() => Given.Identities(Pick(Identities))),
        NotIdentities = Rarely(() => Given.Identities(Pick(Identities))),
        Namespaces = Rarely(() => Given.Patterns(Pick(Namespaces))),
        NotNamespaces = Rarely(() => Given.Patterns(Pick(Namespaces))),
        IpBlocks = Rarely(() => Given.Blocks(Pick(Blocks), Pick(Blocks))),
        NotIpBlocks = Rarely(() => Given.Blocks(Pick(Blocks))),
    };

    private EquatableArray<T> Rarely<T>(Func<EquatableArray<T>> make) => _random.Next(3) == 0 ? make() : [];

    private EquatableArray<T> Many<T>(int most, Func<T> make) => Enumerable.Range(0, _random.Next(most + 1)).Select(_ => make()).ToEquatableArray();

    private T Pick<T>(T[] items) => items[_random.Next(items.Length)];
}

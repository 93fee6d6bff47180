using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Culvert.Core;

namespace Culvert.Datapath.Tests.Support;

/// <summary>
/// Draws snapshots around the pods of a <see cref="World"/>: with all that decides about paths and policy, and at most one backend for each family behind a
/// Service port, so that paths are certain.
/// </summary>
internal static class RandomSnapshot
{
    internal const ushort TunnelPort = 15008;

    private const string Here = "n1", There = "n2";
    private static readonly string[] Strangers = ["192.0.2.1 2001:db8::1", "192.0.2.2 2001:db8::2"];
    private static readonly string[] Remotes = ["10.2.0.1 fd00:2::1", "10.2.0.2 fd00:2::2", "10.2.0.3 fd00:2::3"];
    private static readonly string[] Vips = ["10.96.0.1 fd00:96::1", "10.96.0.2 fd00:96::2"];
    private static readonly string[] Groups = ["g1", "g2"];
    private static readonly string[] Blocks = ["10.0.0.0/8", "10.2.0.0/30", "192.0.2.0/24", "192.0.2.2/32", "2001:db8::/64", "fd00::/16", "::/0", "0.0.0.0/0"];
    private static readonly string[] Names = ["pod1", "pod2", "pod3", "far0", "far1", "nobody"];

    /// <summary>The ports that anything listens at.</summary>
    internal static readonly ushort[] Ports = [53, 80, 443, 9100, TunnelPort];

    /// <summary>The addresses of Services and of what nothing is known about.</summary>
    internal static IEnumerable<IPAddress> Unowned => Strangers.Concat(Vips).SelectMany(Addresses);

    /// <summary>Draws one.</summary>
    /// <param name="pods">The pods of this node.</param>
    /// <param name="random">Seeded.</param>
    internal static NodeSnapshot Draw(IReadOnlyList<Workload> pods, Random random)
    {
        // Half of the worlds have no NetworkPolicy, and a third no AuthorizationPolicy.
        NetworkPolicyInfo[] networkPolicies = [.. Enumerable.Range(0, Math.Max(0, random.Next(6) - 2)).Select(i => NetworkPolicy($"n{i}", random))];
        PolicyInfo[] policies = [.. Enumerable.Range(0, random.Next(3)).Select(i => Policy($"a{i}", random))];
        WorkloadInfo[] local = [.. pods.Select(p => Workload($"pod{p.Number}", Here, [p.Address4, p.Address6], random) with
        {
            MtlsMode = random.Next(4) == 0 ? MtlsMode.Strict : MtlsMode.Permissive,
            NetworkPolicyNames = [.. networkPolicies.Where(_ => random.Next(2) == 0).Select(n => n.Name)],
            PolicyNames = [.. policies.Where(_ => random.Next(2) == 0).Select(n => n.Name)],
        })];

        // Of the last one elsewhere nobody knows whether it is in the mesh.
        WorkloadInfo[] remote = [.. Remotes.Select((a, i) => Workload($"far{i}", There, Addresses(a), random) with { Enrolled = i < 2 })];
        return new NodeSnapshot
        {
            Version = 1,
            Node = Here,
            NetworkPolicies = networkPolicies.ToImmutableDictionary(p => p.Name),
            Policies = policies.ToImmutableDictionary(p => p.Name),
            Workloads = local.Concat(remote).ToImmutableDictionary(w => w.Uid),
            Mesh = new MeshSettings
            {
                DefaultAction = random.Next(6) == 0 ? DefaultAction.Deny : DefaultAction.Allow,
                ExcludedPorts = [.. Ports.Where(_ => random.Next(12) == 0)],
                ExcludedCidrs = [.. Remotes.SelectMany(Addresses).Concat(Unowned).Where(_ => random.Next(12) == 0).Select(IpPrefix.Host)],
            },
            HttpRoutes = Routes(random).ToImmutableDictionary(r => r.Key),
            Services = Vips.Select((v, i) => Service($"s{i}", v, [.. local, .. remote], random)).ToImmutableDictionary(s => s.Name),
        };
    }

    internal static ushort Port(Random random) => Ports[random.Next(Ports.Length)];

    internal static TransportProtocol Protocol(Random random) => random.Next(2) == 0 ? TransportProtocol.Tcp : TransportProtocol.Udp;

    internal static bool IsV6(IPAddress address) => address.AddressFamily == AddressFamily.InterNetworkV6;

    private static WorkloadInfo Workload(string name, string node, IPAddress[] addresses, Random random) => new()
    {
        Uid = $"shop/{name}",
        Name = new NamespacedName("shop", name),
        ServiceAccount = name,
        Identity = SpiffeId.ForServiceAccount("cluster.local", "shop", name),
        Node = node,
        Addresses = [.. addresses],
        ProxyProtocolPorts = random.Next(3) == 0 ? [SomePort(random)] : [],
        ApplicationPorts = [.. Ports.Where(_ => random.Next(3) == 0).Select(p => new ApplicationPort(p, random.Next(3) == 0 ? "smtp" : "http"))],
        ExcludedPorts = [.. Ports.Where(_ => random.Next(12) == 0)],
        PeerGroups = [.. Groups.Where(_ => random.Next(2) == 0)],
        NamedPorts = random.Next(2) == 0 ? [new NamedPort("web", Port(random), Protocol(random))] : [],
        TrustedProxies = random.Next(4) == 0 ? [new TrustedProxies([SomePort(random)], [IpPrefix.Parse("192.0.2.0/24")])] : [],
    };

    private static PolicyInfo Policy(string name, Random random) => new()
    {
        Name = new NamespacedName("shop", name),
        Action = (PolicyAction)random.Next((int)PolicyAction.Custom),
        Rules = [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => new PolicyRule
        {
            From = [.. Enumerable.Range(0, random.Next(3)).Select(_ => Source(random))],
            To = [.. Enumerable.Range(0, random.Next(3)).Select(_ => Destination(random))],
        })],
    };

    private static PolicySource Source(Random random) => random.Next(6) switch
    {
        0 => new PolicySource { Identities = [Identity(random)] },
        1 => new PolicySource { NotIdentities = [Identity(random)] },
        2 => new PolicySource { Namespaces = [StringPattern.Parse(random.Next(2) == 0 ? "shop" : "other")] },
        3 => new PolicySource { NotNamespaces = [StringPattern.Parse(random.Next(2) == 0 ? "shop" : "other")] },
        4 => new PolicySource { IpBlocks = [Block(random)], NotIpBlocks = random.Next(2) == 0 ? [Block(random)] : [] },
        _ => new PolicySource { Identities = [Identity(random), Identity(random)], NotIpBlocks = [Block(random)] },
    };

    private static PolicyDestination Destination(Random random)
    {
        bool asksAboutRequests = random.Next(5) == 0;
        return new()
        {
            Protocol = asksAboutRequests ? TransportProtocol.Tcp : random.Next(3) == 0 ? null : Protocol(random),
            Ports = random.Next(3) == 0 ? [] : [Port(random)],
            NotPorts = random.Next(4) == 0 ? [Port(random)] : [],
            Request = asksAboutRequests ? new RequestConditions { Methods = ["GET"] } : null,
        };
    }

    private static StringPattern Identity(Random random) => StringPattern.Parse(SpiffeId.ForServiceAccount("cluster.local", "shop", Names[random.Next(Names.Length)]).ToString());

    private static IpPrefix Block(Random random) => IpPrefix.Parse(Blocks[random.Next(Blocks.Length)]);

    private static NetworkPolicyInfo NetworkPolicy(string name, Random random) => new()
    {
        Name = new NamespacedName("shop", name),
        IsolatesIngress = random.Next(2) == 0,
        IsolatesEgress = random.Next(2) == 0,
        Ingress = [.. Enumerable.Range(0, random.Next(3)).Select(_ => Rule(random))],
        Egress = [.. Enumerable.Range(0, random.Next(3)).Select(_ => Rule(random))],
    };

    private static NetworkPolicyRule Rule(Random random) => new()
    {
        Peers = [.. Enumerable.Range(0, random.Next(3)).Select(_ => random.Next(2) == 0
            ? new NetworkPolicyPeer { Group = Groups[random.Next(Groups.Length)] }
            : new NetworkPolicyPeer { Block = Block(random), Except = random.Next(2) == 0 ? [Block(random)] : [] })],
        Ports = [.. Enumerable.Range(0, random.Next(3)).Select(_ => random.Next(4) switch
        {
            0 => NetworkPolicyPort.Called("web", Protocol(random)),
            1 => NetworkPolicyPort.Exactly(Port(random), Protocol(random)),
            2 => NetworkPolicyPort.All(Protocol(random)),
            _ => new NetworkPolicyPort(Protocol(random), 60, 1000),
        })],
    };

    // Of some Services all ports of TCP are routed, of some one.
    private static IEnumerable<HttpRouteInfo> Routes(Random random) => Enumerable.Range(0, Vips.Length).Where(_ => random.Next(6) == 0).Select(i => new HttpRouteInfo
    {
        Name = new NamespacedName("shop", $"r{i}"),
        Kind = HttpRouteKind.Http,
        Parents = [new HttpRouteParent(new NamespacedName("shop", $"s{i}"), random.Next(2) == 0 ? Port(random) : null)],
        Rules = [new HttpRouteRule { Matches = [new HttpRouteMatch()] }],
    });

    private static ServiceInfo Service(string name, string vips, WorkloadInfo[] workloads, Random random)
    {
        List<ServicePort> ports = [];
        foreach (ushort port in Ports)
        {
            foreach (TransportProtocol protocol in Enum.GetValues<TransportProtocol>())
            {
                if (random.Next(3) == 0) continue;
                IPAddress[] all = [.. workloads.SelectMany(w => w.Addresses).Concat(Strangers.SelectMany(Addresses))];
                ServiceBackend[] backends = [.. new[] { false, true }.Where(_ => random.Next(5) > 0).Select(v6 => Backend(all, v6, random))];
                ports.Add(new ServicePort { Port = port, Protocol = protocol, LoadBalancing = random.Next(4) == 0 ? (LoadBalancing)random.Next(Enum.GetValues<LoadBalancing>().Length) : LoadBalancing.Random, Backends = [.. backends] });
            }
        }
        return new ServiceInfo { Name = new NamespacedName("shop", name), Vips = [.. Addresses(vips)], Ports = [.. ports] };
    }

    private static ServiceBackend Backend(IPAddress[] all, bool v6, Random random)
    {
        IPAddress[] family = [.. all.Where(a => IsV6(a) == v6)];
        return new ServiceBackend(null, family[random.Next(family.Length)], Port(random));
    }

    private static TransportPort SomePort(Random random) => new(random.Next(4) == 0 ? (ushort)0 : Port(random), Protocol(random));

    private static IPAddress[] Addresses(string text) => [.. text.Split(' ').Select(IPAddress.Parse)];
}

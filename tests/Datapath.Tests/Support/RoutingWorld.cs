using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Culvert.Core;
using Culvert.NodeAgent.Datapath;

namespace Culvert.Datapath.Tests.Support;

/// <summary>A random snapshot around the pods of a <see cref="World"/>, with at most one backend for each family behind a Service port, so that paths are certain.</summary>
internal sealed class RoutingWorld
{
    private const ushort TunnelPort = 15008;
    private const string Here = "n1", There = "n2";
    private static readonly ushort[] Ports = [53, 80, 443, 9100, TunnelPort];
    private static readonly string[] Strangers = ["192.0.2.1 2001:db8::1", "192.0.2.2 2001:db8::2"];
    private static readonly string[] Remotes = ["10.2.0.1 fd00:2::1", "10.2.0.2 fd00:2::2", "10.2.0.3 fd00:2::3"];
    private static readonly string[] Vips = ["10.96.0.1 fd00:96::1", "10.96.0.2 fd00:96::2"];
    private static readonly string[] Groups = ["g1", "g2"];
    private static readonly string[] Blocks = ["10.0.0.0/8", "10.2.0.0/30", "192.0.2.0/24", "192.0.2.2/32", "2001:db8::/64", "fd00::/16", "::/0", "0.0.0.0/0"];
    private readonly NodeSnapshot _snapshot;
    private readonly LocalEndpoint[] _endpoints;
    private readonly PathOracle _oracle;

    private RoutingWorld(NodeSnapshot snapshot, LocalEndpoint[] endpoints)
    {
        (_snapshot, _endpoints) = (snapshot, endpoints);
        _oracle = new PathOracle(new SnapshotIndex(snapshot), TunnelPort);
    }

    internal static RoutingWorld Create(World world, Random random)
    {
        WorkloadInfo[] local = [.. world.Pods.Select(p => Workload($"pod{p.Number}", Here, [p.Address4, p.Address6], random))];

        // Of the last one elsewhere nobody knows whether it is in the mesh.
        WorkloadInfo[] remote = [.. Remotes.Select((a, i) => Workload($"far{i}", There, Addresses(a), random) with { Enrolled = i < 2 })];
        // Half of the worlds have no NetworkPolicy.
        NetworkPolicyInfo[] policies = [.. Enumerable.Range(0, Math.Max(0, random.Next(6) - 2)).Select(i => Policy($"p{i}", random))];
        local = [.. local.Select(w => w with { NetworkPolicyNames = [.. policies.Where(_ => random.Next(2) == 0).Select(p => p.Name)] })];
        NodeSnapshot snapshot = new()
        {
            Version = 1,
            Node = Here,
            NetworkPolicies = policies.ToImmutableDictionary(p => p.Name),
            Workloads = local.Concat(remote).ToImmutableDictionary(w => w.Uid),
            Mesh = new MeshSettings
            {
                ExcludedPorts = [.. Ports.Where(_ => random.Next(12) == 0)],
                ExcludedCidrs = [.. Remotes.Concat(Strangers).Concat(Vips).SelectMany(Addresses).Where(_ => random.Next(12) == 0).Select(IpPrefix.Host)],
            },
            Services = Vips.Select((v, i) => Service($"s{i}", v, [.. local, .. remote], random)).ToImmutableDictionary(s => s.Name),
        };
        LocalEndpoint[] endpoints = [.. local.Zip(world.Pods, (w, p) => new LocalEndpoint(w, p.Interface, (int)p.Index, (int)p.Mtu, [.. p.HostMac], [.. p.Mac]))];
        return new RoutingWorld(snapshot, endpoints);
    }

    /// <summary>Writes the tables that the agent makes of it.</summary>
    internal void Write(World world, uint number)
    {
        CompiledPolicy policy = PolicyCompiler.Compile(_snapshot, _endpoints.Select(e => e.Workload.Uid).ToHashSet(), new PolicyIds());
        Generation generation = GenerationBuilder.Build(number, _snapshot, policy, _endpoints, []);
        for (int i = 0; i < generation.Endpoints.Count; i++) world.Maps.Endpoints.Set(generation.Endpoints.Keys[i], generation.Endpoints.Values[i]);
        for (int i = 0; i < generation.Addresses.Count; i++) world.Maps.Addresses.Set(generation.Addresses.Keys[i], generation.Addresses.Values[i]);
        for (int i = 0; i < generation.Policies.Count; i++) world.Maps.Policies.Set(generation.Policies.Keys[i], generation.Policies.Values[i]);
        for (int i = 0; i < generation.Services.Count; i++) world.Maps.Services.Set(generation.Services.Keys[i], generation.Services.Values[i]);
        for (int i = 0; i < generation.Backends.Count; i++) world.Maps.Backends.Set(generation.Backends.Keys[i], generation.Backends.Values[i]);
    }

    /// <summary>A connection out of a pod.</summary>
    internal (Workload Pod, IPEndPoint From, IPEndPoint To, TransportProtocol Protocol) Connection(World world, Random random)
    {
        Workload pod = world.Pods[random.Next(world.Pods.Length)];
        bool v6 = random.Next(2) == 0;
        IPAddress[] to = [.. _snapshot.Workloads.Values.SelectMany(w => w.Addresses).Concat(Strangers.Concat(Vips).SelectMany(Addresses)).Where(a => IsV6(a) == v6)];
        ushort[] from = [53, 80, 40000];
        return (pod, pod.At(v6, from[random.Next(from.Length)]), new IPEndPoint(to[random.Next(to.Length)], Port(random)), (TransportProtocol)Protocol(random));
    }

    /// <summary>
    /// What the oracles say of it: which path it takes, or why none. Of what goes to a Service by the proxy that says itself what policy has against the backend that it chooses.
    /// </summary>
    internal (PathKind Kind, string Reason) FateOf(Workload pod, IPEndPoint from, IPEndPoint to, TransportProtocol protocol)
    {
        (PathKind kind, PathReason why, IPEndPoint target) = PathOf(pod, from, to, protocol);
        bool isPolicys = kind switch
        {
            PathKind.Drop => false,
            PathKind.Pass => why is not (PathReason.Excluded or PathReason.Itself) && !_snapshot.Mesh.ExcludedCidrs.Any(c => c.Contains(target.Address)),
            PathKind.Direct => true,
            _ => target.Equals(to),
        };
        if (!isPolicys) return (kind, why.ToString());
        WorkloadInfo source = _endpoints.Single(e => e.Index == pod.Index).Workload;
        WorkloadInfo? destination = _oracle.World.FindWorkload(target.Address);
        Decision decision = PolicyEvaluator.EvaluateEgress(_snapshot, new EgressRequest
        {
            Source = source,
            DestinationAddress = target.Address,
            DestinationWorkload = destination,
            Port = (ushort)target.Port,
            Protocol = protocol,
        });
        if (decision.IsAllowed && kind == PathKind.Direct)
        {
            decision = PolicyEvaluator.Evaluate(_snapshot, new ConnectionRequest
            {
                SourceIdentity = source.Identity,
                Authenticated = true,
                SourceAddress = from.Address,
                SourceWorkload = source,
                Destination = destination!,
                Port = (ushort)target.Port,
                Protocol = protocol,
            });
        }
        return decision.IsAllowed ? (kind, why.ToString()) : (PathKind.Drop, decision.Reason.ToString());
    }

    private (PathKind Kind, PathReason Reason, IPEndPoint Target) PathOf(Workload pod, IPEndPoint from, IPEndPoint to, TransportProtocol protocol)
    {
        Addressee asked = _oracle.Find(IpPrefix.Host(to.Address), (ushort)to.Port, protocol);
        (IPAddress target, ushort port) = (to.Address, (ushort)to.Port);
        if (asked.Kind == AddresseeKind.Excluded) return (PathKind.Pass, PathReason.Excluded, to);
        ServiceBackend? backend = asked.Port?.Backends.FirstOrDefault(b => IsV6(b.Address) == IsV6(to.Address));
        if (PathOracle.Refusal(asked, hasBackend: backend is not null) is { } refusal) return (refusal.Kind, refusal.Reason, to);
        if (backend is not null) (target, port) = (backend.Address, backend.Port);
        WorkloadInfo source = _endpoints.Single(e => e.Index == pod.Index).Workload;
        ConnectionPath path = _oracle.To(new PathRequest(source, IpPrefix.Host(target), port, protocol) { SourcePort = (ushort)from.Port, Service = asked.Port });
        return (path.Kind, path.Reason, new IPEndPoint(target, port));
    }

    /// <inheritdoc/>
    public override string ToString() => string.Join('\n',
    [
        $"excluded: {string.Join(' ', _snapshot.Mesh.ExcludedPorts)} {string.Join(' ', _snapshot.Mesh.ExcludedCidrs)}",
        .. _snapshot.NetworkPolicies.Values.Select(p => $"{p.Name} ingress {p.IsolatesIngress} {p.Ingress} egress {p.IsolatesEgress} {p.Egress}"),
        .. _snapshot.Workloads.Values.Select(w => $"{w.Uid} {w.Node} enrolled={w.Enrolled} {string.Join(' ', w.Addresses)} behind the proxy: {string.Join(' ', ProxyNeed.PortsOf(w))} {w.NetworkPolicyNames} {w.PeerGroups} {w.NamedPorts}"),
        .. _snapshot.Services.Values.SelectMany(s => s.Ports.Select(p => $"{s.Name} {string.Join(' ', s.Vips)} {p.Port}/{p.Protocol} {p.LoadBalancing} to {string.Join(' ', p.Backends.Select(b => $"{b.Address}:{b.Port}"))}")),
    ]);

    private static WorkloadInfo Workload(string name, string node, IPAddress[] addresses, Random random) => new()
    {
        Uid = $"shop/{name}",
        Name = new NamespacedName("shop", name),
        ServiceAccount = name,
        Identity = SpiffeId.ForServiceAccount("cluster.local", "shop", name),
        Node = node,
        Addresses = [.. addresses],
        ProxyProtocolPorts = random.Next(3) == 0 ? [SomePort(random)] : [],
        PeerGroups = [.. Groups.Where(_ => random.Next(2) == 0)],
        NamedPorts = random.Next(2) == 0 ? [new NamedPort("web", Port(random), Protocol(random))] : [],
        TrustedProxies = random.Next(4) == 0 ? [new TrustedProxies([SomePort(random)], [IpPrefix.Parse("192.0.2.0/24")])] : [],
    };

    private static NetworkPolicyInfo Policy(string name, Random random) => new()
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
            : new NetworkPolicyPeer { Block = IpPrefix.Parse(Blocks[random.Next(Blocks.Length)]), Except = random.Next(2) == 0 ? [IpPrefix.Parse(Blocks[random.Next(Blocks.Length)])] : [] })],
        Ports = [.. Enumerable.Range(0, random.Next(3)).Select(_ => random.Next(4) switch
        {
            0 => NetworkPolicyPort.Called("web", Protocol(random)),
            1 => NetworkPolicyPort.Exactly(Port(random), Protocol(random)),
            2 => NetworkPolicyPort.All(Protocol(random)),
            _ => new NetworkPolicyPort(Protocol(random), 60, 1000),
        })],
    };

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

    private static ushort Port(Random random) => Ports[random.Next(Ports.Length)];

    private static TransportProtocol Protocol(Random random) => random.Next(2) == 0 ? TransportProtocol.Tcp : TransportProtocol.Udp;

    private static IPAddress[] Addresses(string text) => [.. text.Split(' ').Select(IPAddress.Parse)];

    private static bool IsV6(IPAddress address) => address.AddressFamily == AddressFamily.InterNetworkV6;
}

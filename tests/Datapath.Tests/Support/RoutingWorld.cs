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
        NodeSnapshot snapshot = new()
        {
            Version = 1,
            Node = Here,
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

    /// <summary>What the oracle says of it.</summary>
    internal (PathKind Kind, PathReason Reason) PathOf(Workload pod, IPEndPoint from, IPEndPoint to, TransportProtocol protocol)
    {
        Addressee asked = _oracle.Find(IpPrefix.Host(to.Address), (ushort)to.Port, protocol);
        (IPAddress target, ushort port) = (to.Address, (ushort)to.Port);
        switch (asked.Kind)
        {
            case AddresseeKind.Excluded:
                return (PathKind.Pass, PathReason.Excluded);
            case AddresseeKind.UnknownServicePort:
                return (PathKind.Drop, PathReason.NoServicePort);
            case AddresseeKind.ServicePort:
                if (asked.Port!.Backends.FirstOrDefault(b => IsV6(b.Address) == IsV6(to.Address)) is not { } backend) return (PathKind.Drop, PathReason.NoBackend);
                (target, port) = (backend.Address, backend.Port);
                break;
        }
        WorkloadInfo source = _endpoints.Single(e => e.Index == pod.Index).Workload;
        ConnectionPath path = _oracle.To(new PathRequest(source, IpPrefix.Host(target), port, protocol) { SourcePort = (ushort)from.Port, Service = asked.Port });
        return (path.Kind, path.Reason);
    }

    /// <inheritdoc/>
    public override string ToString() => string.Join('\n',
    [
        $"excluded: {string.Join(' ', _snapshot.Mesh.ExcludedPorts)} {string.Join(' ', _snapshot.Mesh.ExcludedCidrs)}",
        .. _snapshot.Workloads.Values.Select(w => $"{w.Uid} {w.Node} enrolled={w.Enrolled} {string.Join(' ', w.Addresses)} behind the proxy: {string.Join(' ', ProxyNeed.PortsOf(w))}"),
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
        TrustedProxies = random.Next(4) == 0 ? [new TrustedProxies([SomePort(random)], [IpPrefix.Parse("192.0.2.0/24")])] : [],
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
                ports.Add(new ServicePort { Port = port, Protocol = protocol, LoadBalancing = random.Next(4) == 0 ? (LoadBalancing)random.Next(4) : LoadBalancing.Random, Backends = [.. backends] });
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

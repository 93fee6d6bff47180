using System.Net;
using Culvert.Core;
using Culvert.Interop.Abi;
using Culvert.NodeAgent.Datapath;

namespace Culvert.Datapath.Tests.Support;

/// <summary>A snapshot around pods of a <see cref="World"/>, with the tables that the agent makes of it and what <see cref="PathOracle"/> and <see cref="PolicyEvaluator"/> say of its connections.</summary>
internal sealed class RoutingWorld
{
    private readonly NodeSnapshot _snapshot;
    private readonly LocalEndpoint[] _endpoints;
    private readonly Workload[] _pods;

    private RoutingWorld(NodeSnapshot snapshot, Workload[] pods)
    {
        (_snapshot, _pods) = (snapshot, pods);
        _endpoints = [.. pods.Select(p => new LocalEndpoint(WorkloadOf(p), p.Interface, (int)p.Index, (int)p.Mtu, [.. p.HostMac], [.. p.Mac]))];
        HashSet<string> inside = [.. pods.Where(p => p.Space != 0).Select(p => WorkloadOf(p).Uid)];
        Oracle = new PathOracle(new SnapshotIndex(snapshot), RandomSnapshot.TunnelPort, isInside: inside.Contains);
        // In an order that a seed decides alone: that of a dictionary by strings is another in each process.
        Addresses = [.. snapshot.Workloads.Values.OrderBy(w => w.Uid, StringComparer.Ordinal).SelectMany(w => w.Addresses).Concat(RandomSnapshot.Unowned)];
    }

    /// <summary>Every address that packets may have.</summary>
    internal IReadOnlyList<IPAddress> Addresses { get; }

    /// <summary>Says which paths connections take.</summary>
    internal PathOracle Oracle { get; }

    internal static RoutingWorld Create(Workload[] pods, Random random) => new(RandomSnapshot.Draw(pods, random), pods);

    /// <summary>Writes the tables that the agent makes of it.</summary>
    internal void Write(World world, uint number, PolicyIds ids)
    {
        CompiledPolicy policy = PolicyCompiler.Compile(_snapshot, _endpoints.Select(e => e.Workload.Uid).ToHashSet(), ids);
        Generation generation = GenerationBuilder.Build(number, _snapshot, policy, _endpoints, []);
        for (int i = 0; i < generation.Endpoints.Count; i++) world.Maps.Endpoints.Set(generation.Endpoints.Keys[i], generation.Endpoints.Values[i]);
        for (int i = 0; i < generation.Addresses.Count; i++) world.Maps.Addresses.Set(generation.Addresses.Keys[i], generation.Addresses.Values[i]);
        for (int i = 0; i < generation.Policies.Count; i++) world.Maps.Policies.Set(generation.Policies.Keys[i], generation.Policies.Values[i]);
        for (int i = 0; i < generation.Services.Count; i++) world.Maps.Services.Set(generation.Services.Keys[i], generation.Services.Values[i]);
        for (int i = 0; i < generation.Backends.Count; i++) world.Maps.Backends.Set(generation.Backends.Keys[i], generation.Backends.Values[i]);
    }

    /// <summary>The pod of this node that has an address.</summary>
    internal Workload? PodAt(IPAddress address) => Array.Find(_pods, p => p.Address4.Equals(address) || p.Address6.Equals(address));

    /// <summary>The pod behind a veth, or captured in the space that stands for one.</summary>
    internal Workload? PodBehind(uint veth) => Array.Find(_pods, p => p.Index == veth);

    /// <summary>What the snapshot has of a pod.</summary>
    internal WorkloadInfo WorkloadOf(Workload pod) => _snapshot.Workloads[$"shop/pod{pod.Number}"];

    /// <summary>A connection out of a pod, to anything.</summary>
    internal (Workload Pod, IPEndPoint From, IPEndPoint To, TransportProtocol Protocol) OutOfPod(Random random)
    {
        Workload pod = _pods[random.Next(_pods.Length)];
        bool v6 = random.Next(2) == 0;
        return (pod, pod.At(v6, SourcePort(random)), new IPEndPoint(AnyAddress(v6, random), RandomSnapshot.Port(random)), RandomSnapshot.Protocol(random));
    }

    /// <summary>A connection that comes to a pod from outside of the node, or says so.</summary>
    internal (Workload Pod, IPEndPoint From, IPEndPoint To, TransportProtocol Protocol) FromOutside(Random random)
    {
        Workload pod = _pods[random.Next(_pods.Length)];
        bool v6 = random.Next(2) == 0;
        return (pod, new IPEndPoint(AnyAddress(v6, random), SourcePort(random)), pod.At(v6, RandomSnapshot.Port(random)), RandomSnapshot.Protocol(random));
    }

    /// <summary>
    /// What the oracles say of a connection out of a pod: which path it takes, or why none. Of what goes to a Service by the proxy that says itself what policy has against the backend that it chooses.
    /// </summary>
    internal Fate OfLeaving(Workload pod, IPEndPoint from, IPEndPoint to, TransportProtocol protocol)
    {
        (PathKind kind, PathReason why, IPEndPoint target) = PathOf(pod, from, to, protocol);
        bool isPolicys = kind switch
        {
            PathKind.Drop => false,
            PathKind.Pass => why is not (PathReason.Excluded or PathReason.Itself) && !Excludes(target.Address),
            PathKind.Direct => true,
            PathKind.Proxy when why == PathReason.Routes => false,
            _ => target.Equals(to),
        };
        if (!isPolicys) return new Fate(kind, why.ToString());
        WorkloadInfo source = WorkloadOf(pod);
        Decision decision = Oracle.MayLeave(source, IpPrefix.Host(target.Address), (ushort)target.Port, protocol);
        if (decision.IsAllowed && kind == PathKind.Direct) decision = MayArrive(source, from, target, protocol);
        return decision.IsAllowed ? new Fate(kind, why.ToString()) : Refused(decision);
    }

    /// <summary>
    /// What they say of one that comes by routing. Nothing proves its source, so none that the mesh's own have is believed. What goes to the proxy in datagrams has policy asked
    /// before, unless the proxy is to learn first for whom it speaks.
    /// </summary>
    internal Fate OfArriving(IPEndPoint from, IPEndPoint to, TransportProtocol protocol)
    {
        ConnectionPath path = Oracle.To(new PathRequest(null, IpPrefix.Host(to.Address), (ushort)to.Port, protocol) { SourcePort = (ushort)from.Port });
        bool isLeftAlone = Oracle.Find(IpPrefix.Host(to.Address), (ushort)to.Port, protocol).Kind == AddresseeKind.Excluded || path.Reason == PathReason.OpenPort;
        // Even where configuration leaves alone the port by which the other nodes' proxies come in.
        if (protocol == TransportProtocol.Tcp && to.Port == RandomSnapshot.TunnelPort) return new Fate(PathKind.Proxy, nameof(PathReason.TunnelPort));
        if (IsOurs(from.Address, isLeftAlone, PodAt(to.Address)!.Space)) return new Fate(PathKind.Drop, nameof(CvReason.SpoofedSource));
        if (isLeftAlone) return new Fate(PathKind.Pass, nameof(PathReason.Excluded));
        Decision decision = MayArrive(source: null, from, to, protocol);
        bool isProxys = path.Kind == PathKind.Proxy && decision.Reason != DecisionReason.StrictMtls
            && (protocol == TransportProtocol.Tcp || WorkloadOf(PodAt(to.Address)!).TrustedProxies.Any(t => t.Ports.Any(p => p.Protocol == protocol)));
        if (!decision.IsAllowed && !isProxys) return Refused(decision);
        // The kernel forwards what it lets in.
        return new Fate(path.Kind == PathKind.Direct ? PathKind.Pass : path.Kind, path.Reason.ToString());
    }

    /// <summary>
    /// Whether a source is one of the mesh's own, that nothing from outside has: it speaks out of its veth or by the proxy, unless configuration leaves alone what it speaks to. In a pod's own space
    /// all but that pod is elsewhere, and a pod that is captured in its space is elsewhere to all but itself.
    /// </summary>
    internal bool IsOurs(IPAddress source, bool isLeftAlone, ushort space)
    {
        if (PodAt(source)?.Space == space) return true;
        if (Excludes(source)) return false;
        return Oracle.World.FindService(source) is not null || (!isLeftAlone && Oracle.World.FindWorkload(source) is { Enrolled: true });
    }

    /// <summary>Whether the policy of a pod lets in what comes to it.</summary>
    /// <param name="source">The workload that is proven to have sent it; null when nothing proves that.</param>
    /// <param name="from">Whence.</param>
    /// <param name="to">The pod's address, and port.</param>
    /// <param name="protocol">TCP or UDP.</param>
    internal Decision MayArrive(WorkloadInfo? source, IPEndPoint from, IPEndPoint to, TransportProtocol protocol) => PolicyEvaluator.Evaluate(_snapshot, new ConnectionRequest
    {
        SourceIdentity = source?.Identity,
        Authenticated = source is not null,
        SourceAddress = from.Address,
        SourceWorkload = Oracle.World.FindWorkload(from.Address),
        Destination = WorkloadOf(PodAt(to.Address)!),
        Port = (ushort)to.Port,
        Protocol = protocol,
    });

    /// <inheritdoc/>
    public override string ToString() => string.Join('\n',
    [
        $"default {_snapshot.Mesh.DefaultAction} excluded: {string.Join(' ', _snapshot.Mesh.ExcludedPorts)} {string.Join(' ', _snapshot.Mesh.ExcludedCidrs)}",
        .. _snapshot.NetworkPolicies.Values.Select(p => $"{p.Name} ingress {p.IsolatesIngress} {p.Ingress} egress {p.IsolatesEgress} {p.Egress}"),
        .. _snapshot.Policies.Values.Select(p => $"{p.Name} {p.Action} {p.Rules}"),
        .. _snapshot.Workloads.Values.Select(w => $"{w.Uid} {w.Node} {w.MtlsMode} enrolled={w.Enrolled} {string.Join(' ', w.Addresses)} behind the proxy: {string.Join(' ', ProxyNeed.PortsOf(w, new RequestPorts(_snapshot)))} {w.PolicyNames} {w.NetworkPolicyNames} {w.PeerGroups} {w.NamedPorts}"),
        .. _snapshot.Services.Values.SelectMany(s => s.Ports.Select(p => $"{s.Name} {string.Join(' ', s.Vips)} {p.Port}/{p.Protocol} {p.LoadBalancing} to {string.Join(' ', p.Backends.Select(b => $"{b.Address}:{b.Port}"))}")),
    ]);

    private (PathKind Kind, PathReason Reason, IPEndPoint Target) PathOf(Workload pod, IPEndPoint from, IPEndPoint to, TransportProtocol protocol)
    {
        Addressee asked = Oracle.Find(IpPrefix.Host(to.Address), (ushort)to.Port, protocol);
        (IPAddress target, ushort port) = (to.Address, (ushort)to.Port);
        if (asked.Kind == AddresseeKind.Excluded) return (PathKind.Pass, PathReason.Excluded, to);
        if (Oracle.ByRoutes(asked) is { } routed) return (routed.Kind, routed.Reason, to);
        ServiceBackend? backend = asked.Port?.Backends.FirstOrDefault(b => b.Address.AddressFamily == to.AddressFamily);
        if (PathOracle.Refusal(asked, hasBackend: backend is not null) is { } refusal) return (refusal.Kind, refusal.Reason, to);
        if (backend is not null) (target, port) = (backend.Address, backend.Port);
        ConnectionPath path = Oracle.To(new PathRequest(WorkloadOf(pod), IpPrefix.Host(target), port, protocol) { SourcePort = (ushort)from.Port, Service = asked.Port });
        return (path.Kind, path.Reason, new IPEndPoint(target, port));
    }

    private bool Excludes(IPAddress address) => _snapshot.Mesh.ExcludedCidrs.Any(c => c.Contains(address));

    private IPAddress AnyAddress(bool v6, Random random)
    {
        IPAddress[] family = [.. Addresses.Where(a => RandomSnapshot.IsV6(a) == v6)];
        return family[random.Next(family.Length)];
    }

    private static int SourcePort(Random random) => random.Next(3) switch { 0 => 53, 1 => 80, _ => 40000 };

    private static Fate Refused(in Decision decision) => new(PathKind.Drop, GenerationBuilder.ReasonOf(decision.Reason).ToString());

    /// <summary>What becomes of a connection.</summary>
    /// <param name="Path">Its path.</param>
    /// <param name="Reason">Why: the name of a <see cref="CvReason"/> when it is dropped, else of a <see cref="PathReason"/>.</param>
    internal readonly record struct Fate(PathKind Path, string Reason);
}

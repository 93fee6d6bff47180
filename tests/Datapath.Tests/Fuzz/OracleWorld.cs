using System.Net;
using Culvert.Core;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Fuzz;

/// <summary>A random snapshot whose tables the agent's own builder has made; <see cref="PathOracle"/> and <see cref="PolicyEvaluator"/> say which flows may be.</summary>
internal sealed class OracleWorld : IFuzzWorld
{
    private readonly RoutingWorld _mesh;
    private readonly long _since;

    private OracleWorld(World world, Random random, IFuzzWorld? before, PolicyIds ids)
    {
        Generation = (before?.Generation ?? 0) + 1;
        // Pods take over each other's addresses from time to time, and nothing else.
        Workload[] pods = PacketSource.Place(world, random);
        _mesh = RoutingWorld.Create([.. pods.Select((p, i) => p with { Address4 = world.Pods[i].Address4, Address6 = world.Pods[i].Address6 })], random);
        world.Maps.Forget(Generation - 1);
        _mesh.Write(world, Generation, ids);
        _since = IFuzzWorld.KernelTime();
        world.Maps.Activate(Generation);
    }

    /// <inheritdoc/>
    public uint Generation { get; }

    /// <inheritdoc/>
    public IReadOnlyList<IPAddress> Addresses => _mesh.Addresses;

    /// <inheritdoc/>
    public IReadOnlyList<ushort> Ports => RandomSnapshot.Ports;

    /// <summary>Makes worlds one after the other, which number policies alike; each is in force when it is returned.</summary>
    internal static Func<IFuzzWorld?, IFuzzWorld> Maker(World world, Random random)
    {
        PolicyIds ids = new();
        return before => new OracleWorld(world, random, before, ids);
    }

    /// <inheritdoc/>
    public Workload? PodAt(IPAddress address) => _mesh.PodAt(address);

    /// <inheritdoc/>
    public string? FindFault(in CvFlow flow, ushort space, IPEndPoint from, IPEndPoint addressed, IPEndPoint to, byte protocol)
    {
        TransportProtocol transport = protocol == Packet.Tcp ? TransportProtocol.Tcp : TransportProtocol.Udp;
        Workload? sender = flow.InIfindex == 0 ? null : _mesh.PodBehind(flow.InIfindex);
        Addressee asked = _mesh.Oracle.Find(IpPrefix.Host(to.Address), (ushort)to.Port, transport);
        bool isLeftAlone = asked.Kind == AddresseeKind.Excluded || _mesh.Oracle.Find(IpPrefix.Host(addressed.Address), (ushort)addressed.Port, transport).Kind == AddresseeKind.Excluded;
        if (flow.InIfindex != 0 && sender != _mesh.PodAt(from.Address)) return "its sender does not own its source";
        bool isOpen = _mesh.Oracle.To(new PathRequest(null, IpPrefix.Host(to.Address), (ushort)to.Port, transport)).Reason == PathReason.OpenPort;
        if (flow.InIfindex == 0 && _mesh.IsOurs(from.Address, isLeftAlone || isOpen, space)) return "one of the mesh is spoken for";
        if (isLeftAlone || (sender is not null && from.Address.Equals(to.Address))) return null;
        // Connections stay where they began, whatever their ends have become since, as long as policy lets them.
        bool stays = transport == TransportProtocol.Tcp && (long)flow.CreatedNs < _since;
        if (asked.Kind != AddresseeKind.Host) return stays ? null : "it leads to a Service as if that were a pod";
        WorkloadInfo? source = sender is null ? null : _mesh.WorkloadOf(sender);
        ConnectionPath path = _mesh.Oracle.To(new PathRequest(source, IpPrefix.Host(to.Address), (ushort)to.Port, transport) { SourcePort = (ushort)from.Port });
        Workload? receiver = _mesh.PodAt(to.Address);
        // What is between two pods of which one is captured in its own namespace leaves the other as what goes to another node does.
        bool isLikeElsewhere = sender is not null && receiver is not null && (Workload.SpaceOf(sender.Index) != 0 || Workload.SpaceOf(receiver.Index) != 0);
        switch (path.Kind)
        {
            case PathKind.Direct:
            case PathKind.Proxy when stays:
            case PathKind.Drop when path.Reason == PathReason.TunnelPort && receiver is not null && !isLikeElsewhere: // refused where it leaves a pod, a tunnel where it comes by an uplink, and else plaintext like any other
                if (flow.Ifindex != receiver?.Index) return "it leads to a pod that no longer has the address";
                if (_mesh.MayArrive(source, from, to, transport) is { IsAllowed: false } refused) return $"policy denies it: {refused.Reason}";
                break;
            case PathKind.Pass:
            case PathKind.Tunnel when stays:
            case PathKind.Drop when stays && path.Reason == PathReason.TunnelPort:
                break;
            default:
                return $"its path is {path.Kind} ({path.Reason})";
        }
        return source is null || _mesh.Oracle.MayLeave(source, IpPrefix.Host(to.Address), (ushort)to.Port, transport).IsAllowed ? null : "policy does not let it out";
    }

    /// <inheritdoc/>
    public string? FindDrawFault(Workload from, IPEndPoint asked, IPEndPoint backend)
    {
        AddresseeKind kind = _mesh.Oracle.Find(IpPrefix.Host(asked.Address), (ushort)asked.Port, TransportProtocol.Udp).Kind;
        if (kind != AddresseeKind.ServicePort) return $"what was asked is {kind}";
        ConnectionPath path = _mesh.Oracle.To(new PathRequest(_mesh.WorkloadOf(from), IpPrefix.Host(backend.Address), (ushort)backend.Port, TransportProtocol.Udp));
        return path.Kind == PathKind.Tunnel ? null : $"the backend's path is {path.Kind} ({path.Reason})";
    }

    /// <inheritdoc/>
    public override string ToString() => _mesh.ToString();
}

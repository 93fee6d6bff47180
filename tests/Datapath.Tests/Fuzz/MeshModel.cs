using System.Diagnostics;
using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Fuzz;

/// <summary>
/// A world of random content, as plain data: what is at each address, whom policy lets in, what configuration leaves alone. Writes itself into
/// the maps and, on its own, says which flows may be: it knows nothing of how the programs come to their verdicts.
/// </summary>
internal sealed class MeshModel : IFuzzWorld
{
    private static readonly ushort[] AllPorts = [53, 80, 443, 5556, 9053];
    private static readonly IPAddress[] AllAddresses =
    [
        .. Enumerable.Range(1, 3).SelectMany(n => (IPAddress[])[IPAddress.Parse($"10.1.0.{n}"), IPAddress.Parse($"fd00:1::{n}")]),
        .. Enumerable.Range(1, 5).SelectMany(n => (IPAddress[])[IPAddress.Parse($"192.0.2.{n}"), IPAddress.Parse($"2001:db8::{n}")]),
        World.Node(false), World.Node(true),
    ];

    private static readonly (Place Kind, int Chance)[] ExternalKinds = [(Place.Unknown, 5), (Place.Remote, 3), (Place.Excluded, 1), (Place.Service, 2)];
    private static readonly Spot Nothing = new(Place.Unknown, null, false, [], 0);
    private readonly Dictionary<IPAddress, Spot> _spots = [];
    private readonly HashSet<(uint TargetPolicySet, uint Class, ushort Port, byte Protocol)> _denied = [];
    private readonly HashSet<ushort> _excludedPorts = [];

    private MeshModel(uint generation) => Generation = generation;

    /// <summary>Kernel time in nanoseconds at which it came into force.</summary>
    internal long Since { get; private set; }

    /// <summary>What is at an address.</summary>
    internal enum Place
    {
        Unknown,
        Pod,
        Remote,
        Service,
        Excluded,
        Node,
    }

    /// <inheritdoc/>
    public uint Generation { get; }

    /// <inheritdoc/>
    public IReadOnlyList<IPAddress> Addresses => AllAddresses;

    /// <inheritdoc/>
    public IReadOnlyList<ushort> Ports => AllPorts;

    /// <summary>Makes the next world and writes it; it is in force when this returns.</summary>
    /// <param name="world">Where.</param>
    /// <param name="random">Seeded.</param>
    /// <param name="before">The one before.</param>
    internal static MeshModel Next(World world, Random random, IFuzzWorld? before)
    {
        MeshModel next = new((before?.Generation ?? 0) + 1);
        next.Draw(world, random);
        next.Write(world, random);
        next.Since = IFuzzWorld.KernelTime();
        world.Maps.Activate(next.Generation);
        return next;
    }

    /// <summary>What is at an address, in this world.</summary>
    internal Spot At(IPAddress address) => _spots.GetValueOrDefault(address, Nothing);

    /// <summary>Whether configuration leaves alone what goes there.</summary>
    internal bool LeavesAlone(IPEndPoint to) => _excludedPorts.Contains((ushort)to.Port) || At(to.Address).Kind == Place.Excluded;

    /// <summary>Whether policy lets a class in.</summary>
    internal bool Admits(Workload pod, uint sourceClass, int port, byte protocol) => !_denied.Contains((pod.TargetPolicySet, sourceClass, (ushort)port, protocol));

    /// <inheritdoc/>
    public string? FindFault(in CvFlow flow, ushort space, IPEndPoint from, IPEndPoint addressed, IPEndPoint to, byte protocol) =>
        SourceFault(flow, space, from, to) ?? DestinationFault(flow, space, from, to, protocol);

    /// <inheritdoc/>
    public string? FindDrawFault(Workload from, IPEndPoint asked, IPEndPoint backend)
    {
        if (At(asked.Address).Kind != Place.Service || _excludedPorts.Contains((ushort)asked.Port)) return "what was asked is no Service";
        Spot to = At(backend.Address);
        return to.Kind == Place.Remote || (to.Kind == Place.Pod && to.Pod!.Space != 0) ? null : "the backend is no workload elsewhere";
    }

    /// <inheritdoc/>
    public Workload? PodAt(IPAddress address) => At(address).Pod;

    private string? SourceFault(CvFlow flow, ushort space, IPEndPoint from, IPEndPoint to)
    {
        Spot source = At(from.Address);
        if (flow.InIfindex != 0) return source.Pod?.Index == flow.InIfindex ? null : "its sender does not own its source";
        return source.Kind switch
        {
            Place.Pod when source.Pod!.Space == space => "a pod of this place is spoken for",
            Place.Service => "a Service is spoken for",
            Place.Remote or Place.Pod when !LeavesAlone(to) => "a workload elsewhere is spoken for",
            _ => null,
        };
    }

    private string? DestinationFault(CvFlow flow, ushort space, IPEndPoint from, IPEndPoint to, byte protocol)
    {
        Spot destination = At(to.Address);
        bool self = from.Address.Equals(to.Address) && !FlowInvariants.Has(flow, CvFlowFlag.NatDst);
        if (self || LeavesAlone(to)) return null;
        bool stays = protocol == Packet.Tcp && (long)flow.CreatedNs < Since; // connections stay where they began, whatever their ends have become since
        switch (destination.Kind)
        {
            case Place.Service:
                return stays ? null : "it leads to a Service as if that were a pod";
            case Place.Remote:
            case Place.Pod when destination.Pod!.Space != space || (space != 0 && flow.InIfindex != 0):
                return stays ? null : "it leads in plaintext to a workload elsewhere";
            case Place.Pod:
                Workload pod = destination.Pod!;
                if (flow.Ifindex != pod.Index) return "it leads to a pod that no longer has the address";
                bool mayBeAnswer = protocol == Packet.Udp && flow.InIfindex != 0 && At(from.Address).IsBehindProxy(from.Port);
                if (!stays && (destination.IsBehindProxy(to.Port) || mayBeAnswer)) return "it leads past the proxy";
                if (flow.InIfindex == 0 && destination.Strict) return "it leads in plaintext to a strict pod";
                uint sourceClass = flow.InIfindex != 0 ? At(from.Address).Pod!.Class : ClassOf(At(from.Address));
                return Admits(pod, sourceClass, to.Port, protocol) ? null : "policy denies it";
            default:
                return null;
        }
    }

    private static uint ClassOf(Spot source) => source.Kind == Place.Unknown ? 0 : source.Class;

    private void Draw(World world, Random random)
    {
        // The pods' addresses are dealt out anew from time to time: the next owner of an address must not inherit anything.
        Workload[] pods = PacketSource.Place(world, random);
        for (int n = 1; n <= pods.Length; n++)
        {
            Workload pod = pods[n - 1] with { Address4 = IPAddress.Parse($"10.1.0.{n}"), Address6 = IPAddress.Parse($"fd00:1::{n}") };
            bool gone = random.Next(8) == 0;
            ushort[] behindProxy = random.Next(4) > 0 ? [] : random.Next(3) == 0 ? [0] : [.. AllPorts.Where(_ => random.Next(2) == 0)];
            Spot spot = new(gone ? Place.Unknown : Place.Pod, gone ? null : pod, Strict: random.Next(3) == 0, behindProxy, Class: (uint)(50 + n));
            _spots[pod.Address4] = _spots[pod.Address6] = spot;
        }
        foreach (IPAddress address in AllAddresses.Where(a => !_spots.ContainsKey(a)))
        {
            Place kind = address.Equals(World.Node(false)) || address.Equals(World.Node(true)) ? Place.Node : Pick(random, ExternalKinds);
            _spots[address] = new Spot(kind, null, false, [], (uint)(80 + random.Next(3)));
        }
        foreach (ushort port in AllPorts.Where(_ => random.Next(8) == 0)) _excludedPorts.Add(port);
    }

    private void Write(World world, Random random)
    {
        world.Maps.Forget(Generation - 1);
        foreach ((IPAddress address, Spot spot) in _spots)
        {
            if (spot is { Kind: Place.Pod, Pod: { } pod })
            {
                CvAddressFlag flags = (spot.Strict ? CvAddressFlag.Strict : 0) | (spot.PortsBehindProxy.Length > 0 ? CvAddressFlag.Proxy : 0);
                world.SetPod(Generation, pod, flags, spot.Strict ? CvEndpointFlag.Strict : 0, spot.PortsBehindProxy);
                WritePolicy(world, random, pod);
            }
            else if (spot.Kind != Place.Unknown)
            {
                CvAddressFlag flags = spot.Kind switch { Place.Remote => CvAddressFlag.Meshed, Place.Service => CvAddressFlag.Service, Place.Node => CvAddressFlag.Node, _ => CvAddressFlag.Excluded };
                world.SetAddress(Generation, address, new CvAddress { Flags = (uint)flags, AuthClass = spot.Class + 20, AnonClass = spot.Class });
                if (spot.Kind == Place.Service) WriteService(world, random, address);
            }
        }
        foreach (ushort port in _excludedPorts) world.ExcludePort(Generation, port);
    }

    // Once for each pod, though it has two addresses.
    private void WritePolicy(World world, Random random, Workload pod)
    {
        world.SetPolicy(Generation, pod, CvAbi.ClassAny, 0, CvReason.None);
        foreach (uint sourceClass in world.Pods.Select(p => p.Class).Concat([0u, 80u, 81u, 82u]))
        {
            foreach (ushort port in AllPorts.Where(_ => random.Next(3) == 0))
            {
                world.SetPolicy(Generation, pod, sourceClass, port, CvReason.PolicyDeny);
                _denied.Add((pod.TargetPolicySet, sourceClass, port, Packet.Tcp));
                _denied.Add((pod.TargetPolicySet, sourceClass, port, Packet.Udp));
            }
        }
    }

    private void WriteService(World world, Random random, IPAddress vip)
    {
        bool v6 = vip.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
        IPAddress[] backends = [.. AllAddresses.Where(a => a.AddressFamily == vip.AddressFamily && At(a).Kind is not (Place.Service or Place.Node) && random.Next(3) == 0)];
        uint id = 1000 + (uint)Array.IndexOf(AllAddresses, vip);
        foreach (ushort port in AllPorts)
        {
            foreach (byte protocol in (byte[])[Packet.Tcp, Packet.Udp])
            {
                world.Maps.Services.Set(
                    new CvServiceKey { Generation = Generation, Addr = Abi.Address(vip), Port = port, Proto = protocol },
                    new CvService { Id = id, Slots = (uint)backends.Length, Flags = (random.Next(6) == 0 ? (uint)CvServiceFlag.Proxy : 0) | (random.Next(6) > 0 ? (uint)CvServiceFlag.Exact : 0) });
            }
        }
        for (uint i = 0; i < backends.Length; i++)
        {
            world.Maps.Backends.Set(new CvBackendKey { Generation = Generation, Service = id, Slot = i }, new CvBackend { Addr = Abi.Address(backends[i]), Port = AllPorts[random.Next(AllPorts.Length)] });
        }
    }

    private static T Pick<T>(Random random, (T Value, int Chance)[] of)
    {
        int drawn = random.Next(of.Sum(o => o.Chance));
        foreach ((T value, int chance) in of)
        {
            if ((drawn -= chance) < 0) return value;
        }
        throw new UnreachableException();
    }

    /// <summary>What is at an address.</summary>
    /// <param name="Kind">Its kind.</param>
    /// <param name="Pod">The pod there.</param>
    /// <param name="Strict">Whether that refuses plaintext.</param>
    /// <param name="PortsBehindProxy">Its ports that are behind the proxy; 0 stands for all.</param>
    /// <param name="Class">Its class as an address.</param>
    internal sealed record Spot(Place Kind, Workload? Pod, bool Strict, ushort[] PortsBehindProxy, uint Class)
    {
        internal bool IsBehindProxy(int port) => PortsBehindProxy.Contains((ushort)port) || PortsBehindProxy.Contains((ushort)0);
    }
}

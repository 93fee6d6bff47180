using System.Net;
using System.Net.Sockets;
using Culvert.Datapath.Tests.Support;

namespace Culvert.Datapath.Tests.Fuzz;

/// <summary>Random packets at random places: honest ones, forged ones and answers to either.</summary>
internal sealed class PacketSource(World world, Random random)
{
    private static readonly TcpFlags[] Flags =
        [TcpFlags.Syn, TcpFlags.Syn, TcpFlags.Syn | TcpFlags.Ack, TcpFlags.Ack, TcpFlags.Ack, TcpFlags.Fin | TcpFlags.Ack, TcpFlags.Rst, TcpFlags.Rst | TcpFlags.Ack, 0];

    private readonly Queue<Packet> _seen = [];

    /// <summary>A packet with the hook, the interface it is seen on and the one it came in by.</summary>
    internal readonly record struct Sent(Hook Hook, uint Interface, uint Ingress, byte[] Bytes, Packet Packet)
    {
        public override string ToString() =>
            $"{Hook} at {Interface} from {Ingress}: {Packet.Protocol} {Packet.Source}:{Packet.SourcePort} -> {Packet.Destination}:{Packet.DestinationPort} {Packet.Flags}";
    }

    /// <summary>The pods, some of them captured inside their network namespaces, and now and then in each other's places.</summary>
    internal static Workload[] Place(World world, Random random)
    {
        bool someAreInside = random.Next(2) == 0;
        Workload[] pods = [.. world.Pods.Select((p, i) => someAreInside && random.Next(2) == 0 ? p.Inside((ushort)(i + 1)) : p)];
        if (random.Next(3) == 0) random.Shuffle(pods);
        return pods;
    }

    /// <summary>The next packet.</summary>
    internal Sent Next(IFuzzWorld fuzzed)
    {
        Packet packet = random.Next(3) == 0 && _seen.Count > 0 ? Answer() : Fresh(fuzzed);
        _seen.Enqueue(packet);
        if (_seen.Count > 32) _seen.Dequeue();
        byte[] bytes = packet.Build();
        // Now and then one that no sane stack would send.
        if (random.Next(50) == 0) bytes[random.Next(Packet.EthernetLength, bytes.Length)] ^= (byte)(1 << random.Next(8));
        Workload at = AnyPlace();
        // Mostly where such a packet would be seen, so that it gets somewhere.
        if (random.Next(4) != 0 && fuzzed.PodAt(packet.Source) is { } sender) at = sender;
        uint ingress = random.Next(4) switch { 0 => 0, 1 => world.Pods[random.Next(world.Pods.Length)].Index, _ => 99 };
        switch (random.Next(8))
        {
            case 0 when at.Space == 0:
                return new Sent(Hook.FromNet, at.Index, at.Index, bytes, packet);
            case < 4:
                if (fuzzed.PodAt(packet.Destination) is { } receiver && random.Next(8) != 0) at = receiver;
                return new Sent(at.Space == 0 ? Hook.ToPod : Hook.InsideIn, at.Index, ingress, bytes, packet);
            default:
                return new Sent(at.Space == 0 ? Hook.FromPod : Hook.InsideOut, at.Index, at.Index, bytes, packet);
        }
    }

    private Workload AnyPlace()
    {
        int drawn = random.Next(world.Pods.Length);
        return random.Next(3) == 0 ? world.Pods[drawn].Inside((ushort)(drawn + 1)) : world.Pods[drawn];
    }

    private Packet Fresh(IFuzzWorld fuzzed)
    {
        bool v6 = random.Next(2) == 0;
        IPEndPoint from = EndPoint(fuzzed, v6), to = EndPoint(fuzzed, v6);
        Packet packet = random.Next(2) == 0
            ? Packet.OfTcp(from, to, Flags[random.Next(Flags.Length)], random.Next(3) * 8) with { Sequence = (uint)random.Next(4) * 8, Acknowledgement = (uint)random.Next(4) * 8 }
            : Packet.OfUdp(from, to, random.Next(1, 5) * 8);
        return random.Next(12) != 0 ? packet : packet with { FragmentId = (uint)random.Next(3), FragmentOffset = random.Next(2) * 24, MoreFragments = true };
    }

    private Packet Answer()
    {
        Packet[] seen = [.. _seen];
        Packet one = seen[random.Next(seen.Length)];
        return random.Next(3) == 0 ? one with { Flags = Flags[random.Next(Flags.Length)] } : one.Reply(Flags[random.Next(Flags.Length)]);
    }

    private IPEndPoint EndPoint(IFuzzWorld fuzzed, bool v6)
    {
        IPAddress[] family = [.. fuzzed.Addresses.Where(a => a.AddressFamily == (v6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork))];
        return new IPEndPoint(family[random.Next(family.Length)], fuzzed.Ports[random.Next(fuzzed.Ports.Count)]);
    }
}

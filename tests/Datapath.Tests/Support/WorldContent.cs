using System.Net;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Support;

/// <summary>What the maps say about the tests' world, and changes to it.</summary>
internal static class WorldContent
{
    internal const int ToB = 80, ToRemote = 81, ToNobody = 82, ToSelf = 83, Forced = 84, ToExternal = 85, BackendPort = 8080;

    /// <summary>The first of <see cref="HeaderPorts"/>.</summary>
    internal const int HeaderPort = 53;

    /// <summary>The ports at which a pod that needs the proxy wants PROXY headers.</summary>
    internal static readonly ushort[] HeaderPorts = [HeaderPort, 54, 80, 5353, 5354, BackendPort];

    internal const uint Rule = 900;

    internal static void Fill(World world, uint generation)
    {
        foreach (Workload pod in world.Pods)
        {
            world.SetPod(generation, pod, pod == world.C ? CvAddressFlag.Proxy : 0);
            world.SetPolicy(generation, pod, CvAbi.ClassAny, 0, CvReason.None);
        }
        foreach (bool v6 in (bool[])[false, true])
        {
            world.SetAddress(generation, World.Node(v6), new CvAddress { Flags = (uint)CvAddressFlag.Node, AnonClass = 1 });
            world.SetAddress(generation, World.Remote(v6), new CvAddress { Flags = (uint)CvAddressFlag.Meshed, AuthClass = 30, AnonClass = 32 });
            world.SetAddress(generation, World.Known(v6), new CvAddress { AuthClass = 31, AnonClass = 31 });
            world.SetAddress(generation, World.Excluded(v6), new CvAddress { Flags = (uint)CvAddressFlag.Excluded }, prefix: v6 ? 64 : 24);
            world.SetAddress(generation, World.Vip(v6), new CvAddress { Flags = (uint)CvAddressFlag.Service });
            world.SetService(generation, v6, ToB, 1, 0, world.B.Address(v6));
            world.SetService(generation, v6, ToRemote, 2, 0, World.Remote(v6));
            world.SetService(generation, v6, ToNobody, 3, 0);
            world.SetService(generation, v6, ToSelf, 4, 0, world.A.Address(v6));
            world.SetService(generation, v6, Forced, 5, CvServiceFlag.Proxy, world.B.Address(v6));
            world.SetService(generation, v6, ToExternal, 6, 0, World.External(v6));
        }
    }

    /// <summary>Puts a pod there; <paramref name="behindProxy"/>: its ports that need the proxy where a flag says that some do, else <see cref="HeaderPorts"/>.</summary>
    internal static void SetPod(this IWorld world, uint generation, Workload pod, CvAddressFlag flags = 0, CvEndpointFlag endpoint = 0, IEnumerable<ushort>? behindProxy = null)
    {
        world.Maps.Endpoints.Set(
            new CvEndpointKey { Generation = generation, Ifindex = pod.Index },
            new CvEndpoint { Addr4 = Abi.Address(pod.Address4), Addr6 = Abi.Address(pod.Address6), TargetPolicySet = pod.TargetPolicySet, SrcClass4 = pod.Class, SrcClass6 = pod.Class, Flags = (uint)endpoint });
        CvAddress address = new()
        {
            AuthClass = pod.Class,
            AnonClass = pod.AnonymousClass,
            TargetPolicySet = pod.TargetPolicySet,
            Ifindex = pod.Index,
            Mtu = pod.Mtu,
            Mac = Abi.Mac(pod.Mac),
            HostMac = Abi.Mac(pod.HostMac),
            Flags = (uint)(CvAddressFlag.Meshed | CvAddressFlag.Local | flags),
        };
        world.SetAddress(generation, pod.Address4, address);
        world.SetAddress(generation, pod.Address6, address);
        if (!flags.HasFlag(CvAddressFlag.Proxy)) return;
        foreach (ushort port in behindProxy ?? HeaderPorts) world.SetBehindProxy(generation, pod, port);
    }

    /// <summary>Puts a pod there that is captured inside its network namespace, and no more at the host's end of its link; returns it.</summary>
    internal static Workload SetInside(this IWorld world, uint generation, Workload pod, ushort space, CvAddressFlag flags = 0, CvEndpointFlag endpoint = 0)
    {
        Workload inside = pod.Inside(space);
        world.Maps.Endpoints.Delete(new CvEndpointKey { Generation = generation, Ifindex = pod.Index });
        world.SetPod(generation, inside, flags, endpoint);
        return inside;
    }

    /// <summary>Says what policy has about TCP and UDP that a pod sends to a class.</summary>
    internal static void SetEgressPolicy(this IWorld world, uint generation, Workload pod, uint peerClass, CvReason reason)
    {
        uint set = pod.TargetPolicySet + 500;
        world.SetEgressPolicySet(generation, pod, set);
        foreach (IPAddress address in (IPAddress[])[pod.Address4, pod.Address6])
        {
            CvAddressKey key = new() { Prefixlen = 32 + 128, Generation = generation, Addr = Abi.Address(address) };
            Assert.True(world.Maps.Addresses.TryGet(key, out CvAddress known));
            world.Maps.Addresses.Set(key, known with { EgressPolicySet = set });
        }
        foreach (byte protocol in (byte[])[Packet.Tcp, Packet.Udp])
        {
            world.Maps.Policies.Set(
                Abi.PolicyKey(generation, set, peerClass, 0, protocol),
                new CvPolicy { Rule = Rule, Verdict = (byte)(reason == 0 ? CvVerdict.Pass : CvVerdict.Drop), Reason = (byte)reason });
        }
    }

    /// <summary>Says how many flows a pod may have begun.</summary>
    internal static void SetMaxFlows(this IWorld world, uint generation, Workload pod, uint most)
    {
        CvEndpointKey key = new() { Generation = generation, Ifindex = pod.Index };
        Assert.True(world.Maps.Endpoints.TryGet(key, out CvEndpoint endpoint));
        endpoint.MaxFlows = most;
        world.Maps.Endpoints.Set(key, endpoint);
    }

    /// <summary>Says which policy set decides about what a pod sends.</summary>
    internal static void SetEgressPolicySet(this IWorld world, uint generation, Workload pod, uint set)
    {
        CvEndpointKey key = new() { Generation = generation, Ifindex = pod.Index };
        Assert.True(world.Maps.Endpoints.TryGet(key, out CvEndpoint endpoint));
        endpoint.EgressPolicySet = set;
        world.Maps.Endpoints.Set(key, endpoint);
    }

    internal static void SetAddress(this IWorld world, uint generation, IPAddress address, CvAddress value, int? prefix = null)
    {
        bool v6 = address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
        uint length = 32 + (v6 ? 0u : 96u) + (uint)(prefix ?? (v6 ? 128 : 32));
        world.Maps.Addresses.Set(new CvAddressKey { Prefixlen = length, Generation = generation, Addr = Abi.Address(address) }, value);
    }

    /// <summary>Sets the policy for TCP and UDP to a pod.</summary>
    internal static void SetPolicy(this IWorld world, uint generation, Workload to, uint sourceClass, ushort port, CvReason reason, uint rule = Rule, bool audit = false)
    {
        foreach (byte protocol in (byte[])[Packet.Tcp, Packet.Udp])
        {
            world.Maps.Policies.Set(
                Abi.PolicyKey(generation, to.TargetPolicySet, sourceClass, port, protocol),
                new CvPolicy { Rule = rule, Verdict = (byte)(reason == 0 ? CvVerdict.Pass : CvVerdict.Drop), Reason = (byte)reason, Audit = audit ? (byte)1 : (byte)0 });
        }
    }

    internal static void ExcludePort(this IWorld world, uint generation, ushort port)
    {
        foreach (byte protocol in (byte[])[Packet.Tcp, Packet.Udp])
        {
            world.Maps.Services.Set(new CvServiceKey { Generation = generation, Port = port, Proto = protocol }, new CvService { Flags = (uint)CvServiceFlag.Excluded });
        }
    }

    /// <summary>Says of a port of a pod, 0 for all, that it speaks through the proxy only.</summary>
    internal static void SetBehindProxy(this IWorld world, uint generation, Workload pod, ushort port)
    {
        foreach (IPAddress address in (IPAddress[])[pod.Address4, pod.Address6])
        {
            foreach (byte protocol in (byte[])[Packet.Tcp, Packet.Udp])
            {
                world.Maps.Services.Set(
                    new CvServiceKey { Generation = generation, Addr = Abi.Address(address), Port = port, Proto = protocol },
                    new CvService { Flags = (uint)CvServiceFlag.BehindProxy });
            }
        }
    }

    internal static void SetService(this IWorld world, uint generation, bool v6, int port, uint id, CvServiceFlag flags, params IPAddress[] backends)
    {
        id += v6 ? 100u : 0;
        foreach (byte protocol in (byte[])[Packet.Tcp, Packet.Udp])
        {
            world.Maps.Services.Set(
                new CvServiceKey { Generation = generation, Addr = Abi.Address(World.Vip(v6)), Port = (ushort)port, Proto = protocol },
                new CvService { Id = id, Slots = (uint)backends.Length, Flags = (uint)(flags | CvServiceFlag.Exact) });
        }
        for (uint i = 0; i < backends.Length; i++)
        {
            world.Maps.Backends.Set(
                new CvBackendKey { Generation = generation, Service = id, Slot = i },
                new CvBackend { Addr = Abi.Address(backends[i]), Port = BackendPort });
        }
    }
}

using System.Net;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Support;

/// <summary>A pod of the tests' world. Its MACs and class follow from its number.</summary>
internal sealed record Workload(int Number, string Interface)
{
    internal IPAddress Address4 { get; init; } = IPAddress.Parse($"10.1.0.{Number}");

    internal IPAddress Address6 { get; init; } = IPAddress.Parse($"fd00:1::{Number:x}");

    internal uint Index { get; set; }

    internal uint Mtu { get; set; } = 1500;

    internal byte[] Mac { get; init; } = [0x0a, 0, 0, 0, 0, (byte)Number];

    internal byte[] HostMac { get; init; } = [0x0e, 0, 0, 0, 0, (byte)Number];

    /// <summary>The number of its network namespace, when it is captured there; 0: at the host's end of its link.</summary>
    internal ushort Space => SpaceOf(Index);

    /// <summary>Target policy set.</summary>
    internal uint TargetPolicySet => (uint)(100 + Number);

    /// <summary>Class when a packet came out of its veth.</summary>
    internal uint Class => (uint)(10 + Number);

    /// <summary>Class of its address alone.</summary>
    internal uint AnonymousClass => (uint)(50 + Number);

    /// <summary>The space that stands in the place of a link's index; 0 when it is a link's.</summary>
    internal static ushort SpaceOf(uint index) => index >= CvAbi.LinkInside ? (ushort)index : (ushort)0;

    /// <summary>The same pod, captured inside its network namespace of that number.</summary>
    internal Workload Inside(ushort space) => this with { Index = CvAbi.LinkInside | space };

    internal IPAddress Address(bool v6) => v6 ? Address6 : Address4;

    internal IPEndPoint At(bool v6, int port) => new(Address(v6), port);
}

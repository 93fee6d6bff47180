using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Mesh;

/// <summary>One backend of a Service port.</summary>
/// <param name="Address">Address and port.</param>
/// <param name="Weight">Its share; above 0.</param>
/// <param name="Load">Its connections or sessions, where the pool asks for them; the same object in every snapshot that has the backend.</param>
/// <param name="IsUnmeshed">Whether it is out of the mesh: the kernel forwards to it what it has drawn it for.</param>
internal sealed record Backend(SocketEndPoint Address, ushort Weight, BackendLoad? Load, bool IsUnmeshed)
{
    /// <summary>Requests to it that are routed, where its port has them counted; the same object in every snapshot that has the backend.</summary>
    internal BackendRequests? Requests { get; init; }

    /// <summary>Whether requests are not sent to it now, because too many have failed.</summary>
    internal bool IsOut => !IsAskedAnyway && Requests is { IsOut: true };

    /// <summary>Whether it is in the zone of this node.</summary>
    internal bool IsNear { get; init; }

    /// <summary>Whether it is asked also when too many have failed.</summary>
    internal bool IsAskedAnyway { get; init; }

    /// <summary>A number that tells backends apart, equal on every node.</summary>
    internal ulong Hash { get; } = Mix(Mix(Mix(Address.High) ^ Address.Low) ^ Address.Port);

    /// <summary>
    /// How well what a number stands for suits this backend, evenly spread from 0 to 2^53: by <see cref="Score"/> the highest of all is chosen (weighted rendezvous), so that a backend that comes or goes moves only what it gets or had.
    /// </summary>
    internal ulong NumberFor(ulong key) => Mix(Hash ^ key) >> 11;

    /// <summary>The same in proportion to shares: each is the highest of all as often as its share says.</summary>
    /// <param name="number">What <see cref="NumberFor"/> says.</param>
    /// <param name="share">The backend's share; above 0.</param>
    internal static double Score(ulong number, double share) => -share / Math.Log((number + 0.5) * (1.0 / (1UL << 53))); // of a number between 0 and 1, neither included

    /// <summary>The number that stands for a client's address.</summary>
    internal static ulong KeyOf(in SocketEndPoint client) => Mix(client.High) ^ Mix(client.Low + 1);

    /// <summary>Has each bit of a number change half of the others' (the finalizer of SplitMix64).</summary>
    internal static ulong Mix(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xBF58_476D_1CE4_E5B9;
        x = (x ^ (x >> 27)) * 0x94D0_49BB_1331_11EB;
        return x ^ (x >> 31);
    }
}

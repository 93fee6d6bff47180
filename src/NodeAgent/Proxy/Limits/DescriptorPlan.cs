namespace Culvert.NodeAgent.Proxy.Limits;

/// <summary>
/// How the descriptors that the process may have are dealt out: a reserve for the agent itself, and a part for each kind of use, so that none can take what
/// another needs.
/// </summary>
/// <param name="Workloads">For captured connections and UDP sessions of workloads, and those that lead to them.</param>
/// <param name="External">For whoever is outside the mesh and has proven nothing.</param>
/// <param name="Tunnels">For tunnels, in each direction.</param>
/// <param name="Handshakes">For connections to the tunnel port that have proven nothing yet.</param>
/// <param name="Spaces">For listeners and raw sockets in the network namespaces of pods that are captured inside them.</param>
internal readonly record struct DescriptorPlan(int Workloads, int External, int Tunnels, int Handshakes, int Spaces)
{
    /// <summary>Fewest descriptors that an agent works with.</summary>
    internal const int Fewest = 512;

    // Measured: an agent without a workload has 280, of assemblies, maps, programs, pipes and listeners. Links of pods and scrapers come on top.
    private const int LeastReserve = 384;
    private const int MostReserve = 8192;

    /// <summary>Most for workloads, however many descriptors there are: each costs a few KB.</summary>
    internal const int MostForWorkloads = 131_072;

    /// <summary>Most for clients outside the mesh.</summary>
    internal const int MostForExternal = 16_384;

    /// <summary>Most for tunnels, in each direction.</summary>
    internal const int MostForTunnels = 8192;

    /// <summary>
    /// Connections at once that have not proven who they are. Some 35 KB each while TLS is under way (measured, OpenSSL 3.0), of which a core finishes about 2,000 a second.
    /// </summary>
    internal const int MostForHandshakes = 2048;

    /// <summary>Most for sockets of the proxy in the namespaces of pods captured inside, but those of connections: 150 pods where 64 loops have ten each.</summary>
    internal const int MostForSpaces = 98_304;

    /// <summary>So many of the <see cref="Handshakes"/> may be of one address.</summary>
    internal int HandshakesPerSource => PerSource(Handshakes);

    /// <summary>As many of so many handshakes as may be of one address.</summary>
    internal static int PerSource(int handshakes) => Math.Max(1, handshakes / 4);

    /// <summary>Deals out what a process may have.</summary>
    /// <param name="limit">RLIMIT_NOFILE; <see cref="Fewest"/> or more.</param>
    internal static DescriptorPlan Of(long limit)
    {
        long all = limit - Math.Clamp(limit / 8, LeastReserve, MostReserve);
        return new DescriptorPlan(Part(64, MostForWorkloads), Part(10, MostForExternal), Part(5, MostForTunnels), Part(6, MostForHandshakes), Part(9, MostForSpaces));

        int Part(int percent, int most) => (int)Math.Clamp(all / 100.0 * percent, 1, most);
    }
}

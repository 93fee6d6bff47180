using System.Globalization;
using System.Net;
using Culvert.Bench.Scale;
using Culvert.Core;

namespace Culvert.Bench.Identity;

/// <summary>A mesh of nodes with workloads of which each has an identity of its own, so that nothing but the mesh is to be told of them, and each needs a certificate.</summary>
/// <param name="Nodes">Nodes.</param>
internal sealed record IdentityShape(int Nodes)
{
    /// <summary>Workloads of a node that come at once: as many as a connection to the controller has calls.</summary>
    public const int BatchOfNode = 100;

    /// <summary>How many batches of workloads a node has.</summary>
    public const int Batches = 2;

    /// <summary>The trust domain.</summary>
    public const string TrustDomain = "bench.culvert";

    /// <summary>Workloads of a node.</summary>
    public const int WorkloadsOfNode = BatchOfNode * Batches;

    /// <summary>Workloads of all nodes that come at once.</summary>
    public int Batch => Nodes * BatchOfNode;

    /// <summary>The namespace of a node's workloads.</summary>
    public static string Namespace(int node) => string.Create(CultureInfo.InvariantCulture, $"team-{node}");

    /// <summary>The name of a workload, and of its service account.</summary>
    public static string Workload(int number) => string.Create(CultureInfo.InvariantCulture, $"app-{number}");

    /// <summary>What the controller knows a workload by.</summary>
    public static string Uid(int node, int number) => $"{Namespace(node)}/{Workload(number)}";

    /// <summary>Whose certificate a workload gets.</summary>
    public static SpiffeId Identity(int node, int number) => SpiffeId.ForServiceAccount(TrustDomain, Namespace(node), Workload(number));

    /// <summary>The address of a workload.</summary>
    public static IPAddress Address(int node, int number)
    {
        int all = (node * WorkloadsOfNode) + number;
        return ScaleShape.PodAddress(all / ScaleShape.PodsEach, all % ScaleShape.PodsEach);
    }
}

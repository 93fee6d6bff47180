using System.Globalization;
using System.Net;

namespace Culvert.Bench.Scale;

/// <summary>
/// How large a generated mesh is, and what is where in it: as many Services and policies as nodes, ten pods on each node, and ten nodes' worth of all that in a namespace. The pods of a Service are
/// on ten different nodes, as a scheduler would have it, so that a policy of one Service is the business of ten nodes.
/// </summary>
/// <param name="Nodes">Nodes, and Services, and policies: at least as many as a Service has pods.</param>
internal sealed record ScaleShape(int Nodes)
{
    /// <summary>Pods of a node, and of a Service.</summary>
    public const int PodsEach = 10;

    private const int ServicesOfNamespace = 10;
    private const int HostsOfSubnet = 250; // of 254 addresses, for numbers that people can read

    /// <summary>Pods in all.</summary>
    public int Pods => Nodes * PodsEach;

    /// <summary>The name of a node.</summary>
    public static string Node(int node) => string.Create(CultureInfo.InvariantCulture, $"node-{node}");

    /// <summary>The address on loopback that a node's agent connects from: a controller bounds what one address may open.</summary>
    public static IPAddress AgentAddress(int node) => new([127, 1, (byte)(node / HostsOfSubnet), (byte)((node % HostsOfSubnet) + 1)]);

    /// <summary>The namespace of a Service and its pods.</summary>
    public static string Namespace(int service) => string.Create(CultureInfo.InvariantCulture, $"team-{service / ServicesOfNamespace}");

    /// <summary>The name of a Service, of its policy, of its pods' label and of their service account.</summary>
    public static string Service(int service) => string.Create(CultureInfo.InvariantCulture, $"app-{service}");

    /// <summary>The name of a pod of a Service.</summary>
    public static string Pod(int service, int pod) => string.Create(CultureInfo.InvariantCulture, $"app-{service}-{pod}");

    /// <summary>The node of a pod of a Service.</summary>
    public int NodeOf(int service, int pod) => (service + (pod * (Nodes / PodsEach))) % Nodes;

    /// <summary>The pods of a node: the Service of each, and which of its pods it is.</summary>
    public IEnumerable<(int Service, int Pod)> PodsOf(int node) => Enumerable.Range(0, PodsEach).Select(p => ((node - (p * (Nodes / PodsEach)) + Nodes) % Nodes, p));

    /// <summary>The address of a pod.</summary>
    public static IPAddress PodAddress(int service, int pod)
    {
        int number = (service * PodsEach) + pod;
        return new([10, (byte)(100 + (number / (HostsOfSubnet * HostsOfSubnet))), (byte)(number / HostsOfSubnet % HostsOfSubnet), (byte)((number % HostsOfSubnet) + 1)]);
    }

    /// <summary>The address of a Service.</summary>
    public static IPAddress ServiceAddress(int service) => new([10, 96, (byte)(service / HostsOfSubnet), (byte)((service % HostsOfSubnet) + 1)]);
}

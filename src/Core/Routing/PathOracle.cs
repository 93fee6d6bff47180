using System.Net;

namespace Culvert.Core;

/// <summary>
/// Says which path a connection takes: the one place where that is written. The proxy and <c>culvert explain</c> ask it, the kernel's tables are filled from the same
/// <see cref="ProxyNeed"/>, and the kernel's programs are tested against it. Which of a Service's backends is taken is not its business: whoever asks chooses between
/// <see cref="Find"/> and <see cref="To"/>, and hears from <see cref="Refusal"/> when there is none. Pure, but for the addresses of the node and who is captured inside, which are asked for each time; safe for any number of threads.
/// </summary>
/// <param name="world">The snapshot in force.</param>
/// <param name="tunnelPort">The port of tunnels on every node.</param>
/// <param name="isNodeAddress">Whether an address is one of the node itself; null where it is known to have none. Called on any thread.</param>
/// <param name="isInside">
/// Whether a workload of this node, by its uid, is captured inside its network namespace, now; null where none is. Called on any thread.
/// </param>
public sealed class PathOracle(SnapshotIndex world, ushort tunnelPort, Func<IPAddress, bool>? isNodeAddress = null, Func<string, bool>? isInside = null)
{
    private readonly RequestPorts _requestPorts = new(world.Snapshot);

    /// <summary>The Service ports whose requests are routed.</summary>
    public RoutedPorts RoutedPorts { get; } = new(world.Snapshot);

    /// <summary>The snapshot in force.</summary>
    public SnapshotIndex World { get; } = world;

    /// <summary>Whom an address and port mean.</summary>
    /// <param name="address">A whole address.</param>
    /// <param name="port">The port.</param>
    /// <param name="protocol">TCP or UDP.</param>
    public Addressee Find(in IpPrefix address, ushort port, TransportProtocol protocol)
    {
        if (IsLeftAlone(address, port)) return new Addressee(AddresseeKind.Excluded);
        if (World.FindService(address) is not { } service) return new Addressee(AddresseeKind.Host);
        return World.FindService(address, port, protocol) is { } found
            ? new Addressee(AddresseeKind.ServicePort, found.Service, found.Port)
            : new Addressee(AddresseeKind.UnknownServicePort, service);
    }

    /// <summary>The path of what is refused because a Service leads nowhere: it has no such port, or the port no backend; null when there is something to ask <see cref="To"/> for.</summary>
    /// <param name="asked">Whom the address and port mean.</param>
    /// <param name="hasBackend">Whether the Service port, if it is one, has a backend that may be chosen.</param>
    public static ConnectionPath? Refusal(in Addressee asked, bool hasBackend) => asked.Kind switch
    {
        AddresseeKind.UnknownServicePort => new ConnectionPath(PathKind.Drop, PathReason.NoServicePort, Destination: null),
        AddresseeKind.ServicePort when !hasBackend => new ConnectionPath(PathKind.Drop, PathReason.NoBackend, Destination: null),
        _ => null,
    };

    /// <summary>The path of what goes to a Service port whose requests are routed, whatever its backends are; null when they are not.</summary>
    /// <param name="asked">Whom the address and port mean.</param>
    public ConnectionPath? ByRoutes(in Addressee asked) =>
        asked.Port is { } port && RoutedPorts.Contains(port) ? new ConnectionPath(PathKind.Proxy, PathReason.Routes, Destination: null) : null;

    /// <summary>The path to an address that is no Service's, or to a backend.</summary>
    public ConnectionPath To(in PathRequest request)
    {
        WorkloadInfo? source = request.Source is { Enrolled: true } enrolled ? enrolled : null;
        WorkloadInfo? destination = World.FindWorkload(request.Target);
        if (destination is not { Enrolled: true }) return new ConnectionPath(PathKind.Pass, PathReason.NotEnrolled, destination);
        if (Excludes(request.Target)) return new ConnectionPath(PathKind.Pass, PathReason.Excluded, destination);
        if (destination.ExcludedPorts.Contains(request.Port)) return new ConnectionPath(PathKind.Pass, PathReason.OpenPort, destination);
        if (request.Protocol == TransportProtocol.Tcp && request.Port == tunnelPort) return new ConnectionPath(PathKind.Drop, PathReason.TunnelPort, destination);
        bool isItself = source is not null && source.Uid == destination.Uid;
        if (isItself && request.Service is null) return new ConnectionPath(PathKind.Pass, PathReason.Itself, destination);
        if (destination.Node != (source?.Node ?? World.Snapshot.Node))
            return source is null ? new ConnectionPath(PathKind.Pass, PathReason.NotEnrolled, destination) : new ConnectionPath(PathKind.Tunnel, PathReason.None, destination);
        // Who has no identity has no tunnel either, and a pod's way to itself does not leave its namespace.
        if (source is not null && !isItself && (IsInside(source) || IsInside(destination))) return new ConnectionPath(PathKind.Tunnel, PathReason.Inside, destination);
        bool isChosenByProxy = request.Service is not null && ProxyNeed.Of(request.Service);
        PathReason need = isChosenByProxy ? PathReason.LoadBalancing
            : isItself ? PathReason.Itself
            : ProxyNeed.Of(destination, request.Port, request.Protocol) || (source is not null && Answers(source, request)) ? PathReason.ProxyProtocol
            : _requestPorts.Contains(destination, request.Port, request.Protocol) ? PathReason.Requests
            : PathReason.None;
        return new ConnectionPath(need == PathReason.None ? PathKind.Direct : PathKind.Proxy, need, destination);
    }

    /// <summary>Whether configuration leaves alone what is sent to an address and port: no path of the mesh, and no policy.</summary>
    /// <param name="address">A whole address.</param>
    /// <param name="port">The port.</param>
    public bool IsLeftAlone(in IpPrefix address, ushort port) => Excludes(port) || Excludes(address);

    /// <summary>Whether an address is one of the node itself, whose own processes reach its workloads, and the other way round, whatever policy says.</summary>
    public bool IsNodeAddress(IPAddress address) => isNodeAddress?.Invoke(address) == true;

    /// <summary>Whether a workload is captured inside its network namespace, where the kernel delivers nothing to others by itself, and draws no backends.</summary>
    /// <param name="workload">A workload of this node; those of others never are, as far as this node knows.</param>
    public bool IsInside(WorkloadInfo workload)
    {
        ArgumentNullException.ThrowIfNull(workload);
        return isInside is not null && workload.Node == World.Snapshot.Node && isInside(workload.Uid);
    }

    /// <summary>Whether the kernel forwards what goes to a backend as it is, whatever chooses among a Service's backends: it is not in the mesh, or left alone.</summary>
    /// <param name="backend">A whole address.</param>
    /// <param name="port">The port there.</param>
    public bool IsUnmeshed(in IpPrefix backend, ushort port) => World.FindWorkload(backend) is not { Enrolled: true } workload || Excludes(backend) || workload.ExcludedPorts.Contains(port);

    /// <summary>
    /// Whether policy lets out of a workload what goes to an address that is no Service's, or to a backend. An excluded address is free (a port is where it is asked for, see
    /// <see cref="IsLeftAlone"/>; one of a single workload is not, which can't say what others may send), and so is what goes to the workload's own node, whose probes and replies a pod can't do without.
    /// </summary>
    /// <param name="source">The workload.</param>
    /// <param name="target">A whole address.</param>
    /// <param name="port">The port there.</param>
    /// <param name="protocol">TCP or UDP.</param>
    public Decision MayLeave(WorkloadInfo source, in IpPrefix target, ushort port, TransportProtocol protocol)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (source.NetworkPolicyNames.IsEmpty || Excludes(target) || IsNodeAddress(target.Address)) return new Decision(Verdict.Allow, DecisionReason.AllowedByDefault);
        return PolicyEvaluator.EvaluateEgress(World.Snapshot, new EgressRequest
        {
            Source = source,
            DestinationAddress = target.Address,
            DestinationWorkload = World.FindWorkload(target),
            Port = port,
            Protocol = protocol,
        });
    }

    // What a workload says from such a port, in datagrams, may answer what came through the proxy; a path of its own would lead past the proxy.
    private static bool Answers(WorkloadInfo source, in PathRequest request) =>
        request.Protocol == TransportProtocol.Udp && request.SourcePort != 0 && ProxyNeed.Of(source, request.SourcePort, TransportProtocol.Udp);

    private bool Excludes(ushort port) => World.Snapshot.Mesh.ExcludedPorts.Contains(port);

    private bool Excludes(in IpPrefix address)
    {
        foreach (IpPrefix excluded in World.Snapshot.Mesh.ExcludedCidrs)
        {
            if (excluded.Contains(address)) return true;
        }
        return false;
    }
}

namespace Culvert.Core;

/// <summary>What the proxy has to see although the kernel alone could deliver it. By port: the other ports of a workload keep the kernel's short path.</summary>
public static class ProxyNeed
{
    /// <summary>Whether the proxy chooses the backends of a Service port; the kernel draws at random.</summary>
    public static bool Of(ServicePort port)
    {
        ArgumentNullException.ThrowIfNull(port);
        return port.LoadBalancing != LoadBalancing.Random;
    }

    /// <summary>Whether the proxy writes or reads a PROXY protocol header at a port of a workload.</summary>
    public static bool Of(WorkloadInfo workload, ushort port, TransportProtocol protocol)
    {
        ArgumentNullException.ThrowIfNull(workload);
        return workload.WantsProxyProtocol(port, protocol) || workload.AcceptsProxyProtocol(port, protocol);
    }

    /// <summary>The ports of a workload that need the proxy: those for which <see cref="Of(WorkloadInfo, ushort, TransportProtocol)"/> holds, and those of whose requests policy asks. A number of 0 stands for every port of the protocol.</summary>
    /// <param name="workload">The workload.</param>
    /// <param name="requestPorts">Of which ports policy asks about requests.</param>
    public static IEnumerable<TransportPort> PortsOf(WorkloadInfo workload, RequestPorts requestPorts)
    {
        ArgumentNullException.ThrowIfNull(workload);
        ArgumentNullException.ThrowIfNull(requestPorts);
        return workload.ProxyProtocolPorts.Concat(workload.TrustedProxies.SelectMany(t => t.Ports)).Concat(requestPorts.Of(workload).Select(p => new TransportPort(p, TransportProtocol.Tcp))).Distinct();
    }
}

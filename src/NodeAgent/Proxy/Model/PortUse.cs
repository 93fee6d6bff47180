using Culvert.Core;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>That a workload of this node has had a request for a Service port.</summary>
/// <param name="Workload">The workload.</param>
/// <param name="Address">Its address, by which it asked, without a port.</param>
/// <param name="At">When, in milliseconds of the port's clock.</param>
internal sealed record PortUse(WorkloadInfo Workload, SocketEndPoint Address, long At);

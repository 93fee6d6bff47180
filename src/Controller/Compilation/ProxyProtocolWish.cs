using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>What a Service asks of a port of a workload behind it.</summary>
/// <param name="Uid">The workload.</param>
/// <param name="Port">The workload's port.</param>
/// <param name="IsWanted">Whether the application wants PROXY protocol headers.</param>
/// <param name="IsBare">Whether those are to have no TLVs.</param>
/// <param name="From">Load balancers whose headers the port takes; empty: none.</param>
internal readonly record struct ProxyProtocolWish(string Uid, TransportPort Port, bool IsWanted, bool IsBare, EquatableArray<IpPrefix> From);

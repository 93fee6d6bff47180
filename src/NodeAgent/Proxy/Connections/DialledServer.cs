using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Connections;

/// <summary>A connection to a server that requests of a client are sent by; or why there is none.</summary>
/// <param name="Connection">The connection, admitted and not open yet; null when there is none.</param>
/// <param name="Transport">The server's end; null when there is none.</param>
/// <param name="Lease">Its places, to be given back at its end; null when there is none.</param>
/// <param name="Failure">Why there is none.</param>
internal readonly record struct DialledServer(ProxiedConnection? Connection, ITransport? Transport, BudgetLease? Lease, ProxyFailure Failure = ProxyFailure.None);

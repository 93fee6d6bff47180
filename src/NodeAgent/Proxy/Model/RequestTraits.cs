using Culvert.Core;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>What of one request has a say in which backend gets it.</summary>
/// <param name="Fields">Its header lines; null where they have none.</param>
/// <param name="Failed">The backend that it has been tried at just now, which gets it again only where there is no other.</param>
/// <param name="Failures">How often it has been tried.</param>
internal readonly record struct RequestTraits(IRequestFields? Fields, SocketEndPoint? Failed = null, int Failures = 0);

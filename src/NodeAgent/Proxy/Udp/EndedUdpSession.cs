using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>What is left of a session that policy has ended; see <see cref="LateAnswers"/>.</summary>
/// <param name="Remote">The application.</param>
/// <param name="Local">The client, in whose name the session's socket spoke.</param>
/// <param name="Space">Where the socket was.</param>
/// <param name="Place">One place in the budget, which whoever takes this out of the <see cref="UdpReplyRegistry"/> gives back.</param>
/// <param name="Until">When it is forgotten, in milliseconds of its loop's clock.</param>
internal sealed record EndedUdpSession(SocketEndPoint Remote, SocketEndPoint Local, PodSpace? Space, BudgetLease Place, long Until) : IReplyHolder;

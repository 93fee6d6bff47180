using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>Whom an application's answers to a client belong to: a session's socket, or what is left of a session that policy has ended.</summary>
internal interface IReplyHolder
{
    /// <summary>The application.</summary>
    SocketEndPoint Remote { get; }

    /// <summary>The client, or this machine where a session does not speak in the client's name.</summary>
    SocketEndPoint Local { get; }

    /// <summary>Where the socket is, or was; null: in the node's own namespace.</summary>
    PodSpace? Space { get; }
}

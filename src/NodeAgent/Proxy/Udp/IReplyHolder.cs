using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>Whom an application's answers to a client belong to: a session's socket, or what is left of a session that policy has ended.</summary>
internal interface IReplyHolder
{
    /// <summary>The application.</summary>
    SocketEndPoint Remote { get; }

    /// <summary>The client, or this machine where a session does not speak in the client's name.</summary>
    SocketEndPoint Local { get; }
}

using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>Which backends the kernel has drawn for pods' datagrams to Services (map cv_session). Thread-safe.</summary>
internal interface IDatagramDraws
{
    /// <summary>The backend that was drawn for a session; null when none was, or nothing is known of it.</summary>
    /// <param name="session">A session of the node's own namespace, or of a pod's, where nothing is drawn.</param>
    SocketEndPoint? FindBackend(in UdpSessionKey session);

    /// <summary>The Service whose datagrams are addressed to a backend; null when it is the backend that is asked, or nothing is known of it.</summary>
    /// <param name="client">The pod's address and port.</param>
    /// <param name="backend">Where its datagrams reach the proxy as sent to.</param>
    SocketEndPoint? FindService(in SocketEndPoint client, in SocketEndPoint backend);

    /// <summary>A session is over: its next datagram is decided anew, unless that has happened already.</summary>
    /// <param name="session">The session.</param>
    /// <param name="drawn">What was drawn for it; null: nothing.</param>
    void Forget(in UdpSessionKey session, in SocketEndPoint? drawn);
}

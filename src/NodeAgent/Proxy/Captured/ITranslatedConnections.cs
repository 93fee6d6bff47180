using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Captured;

/// <summary>What pods have asked for whose connections reach the proxy with a backend's address in the place of a Service's. Called on every loop at once: implementations are thread-safe.</summary>
internal interface ITranslatedConnections
{
    /// <summary>Finds the Service address that a connection was opened to. Allocates nothing.</summary>
    /// <param name="pod">The address and port that opened it.</param>
    /// <param name="backend">The address and port that it reached the proxy with.</param>
    /// <param name="service">The Service's address and port, when true is returned.</param>
    /// <returns>Whether there is such a connection; it may have ended meanwhile.</returns>
    bool TryFind(in SocketEndPoint pod, in SocketEndPoint backend, out SocketEndPoint service);
}

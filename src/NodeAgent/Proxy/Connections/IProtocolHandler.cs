using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Connections;

/// <summary>
/// What is done with an admitted connection's bytes, by the protocol of the port that it leads to: they are carried as they are (<see cref="ByteHandler"/>), or read.
/// Belongs to its loop's thread.
/// </summary>
internal interface IProtocolHandler
{
    /// <summary>Serves a connection until it is over: connects to the other end, once, and opens and closes the connection, or lets it fail.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="client">Its client's end; owned from here on.</param>
    /// <param name="upstream">The path to its other end.</param>
    ValueTask ServeAsync(ProxiedConnection connection, ITransport client, IUpstream upstream);
}

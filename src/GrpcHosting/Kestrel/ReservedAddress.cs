using System.Net;
using System.Net.Sockets;

namespace Culvert.GrpcHosting;

/// <summary>
/// An address that a server is going to listen on, bound before the server is made: whether it is free is known before anything else is begun. Nobody can connect until the server listens.
/// </summary>
public sealed class ReservedAddress : IDisposable
{
    private readonly IPEndPoint endPoint;
    private readonly Socket socket;

    private ReservedAddress(IPEndPoint endPoint, Socket socket) => (this.endPoint, this.socket) = (endPoint, socket);

    /// <summary>Reserves an address.</summary>
    /// <param name="endPoint">The address; port 0 takes a free one.</param>
    /// <exception cref="IOException">It is taken.</exception>
    /// <exception cref="SocketException">It is not the machine's, or may not be used.</exception>
    public static ReservedAddress Bind(IPEndPoint endPoint)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        try
        {
            return new ReservedAddress(endPoint, ListenSockets.Bind(endPoint));
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            throw new IOException($"Cannot listen on {endPoint}: another process listens there.", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => socket.Dispose();

    /// <summary>The socket, for a server that binds to this address; null for any other.</summary>
    internal Socket? For(EndPoint wanted) => endPoint.Equals(wanted) ? socket : null;
}

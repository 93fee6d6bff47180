using System.Net.Sockets;

namespace Culvert.Datapath.Tests.Support;

/// <summary>Sockets that are closed together.</summary>
internal sealed class SocketGroup : List<Socket>, IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Socket socket in this) socket.Dispose();
    }
}

using System.Net.Sockets;

namespace Culvert.SystemTests.Peers;

/// <summary>A stream that nobody ends: what ends it is what is looked for.</summary>
internal static class EndlessStream
{
    /// <summary>Receives until something ends it.</summary>
    /// <param name="socket">The connection.</param>
    /// <param name="flowing">Set when the first bytes have come.</param>
    /// <returns>Success for an orderly end, which looks like a whole transfer.</returns>
    public static async Task<SocketError> ReceiveAsync(Socket socket, TaskCompletionSource flowing)
    {
        try
        {
            var buffer = new byte[64 * 1024];
            while (await socket.ReceiveAsync(buffer) > 0)
            {
                flowing.TrySetResult();
            }

            return SocketError.Success;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode;
        }
    }

    /// <summary>Sends until that fails, and says how.</summary>
    public static async Task<SocketError> SendAsync(Socket socket)
    {
        try
        {
            while (true)
            {
                await PeerServer.SendAllAsync(socket, new byte[64 * 1024]);
            }
        }
        catch (SocketException e)
        {
            // A write after the reset was seen by another call fails as EPIPE.
            return e.SocketErrorCode == SocketError.Shutdown ? SocketError.ConnectionReset : e.SocketErrorCode;
        }
    }
}

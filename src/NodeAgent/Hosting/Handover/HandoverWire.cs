using System.Net.Sockets;

namespace Culvert.NodeAgent.Hosting.Handover;

/// <summary>The steps of a handover on a socket.</summary>
internal static class HandoverWire
{
    /// <exception cref="SocketException">The other one is gone.</exception>
    internal static async Task SendAsync(Socket socket, HandoverStep step, CancellationToken cancellationToken) => await socket.SendAsync(new[] { (byte)step }, SocketFlags.None, cancellationToken);

    /// <summary>What the other one says next; null when it is gone, or says nothing in time.</summary>
    internal static async Task<HandoverStep?> ReceiveAsync(Socket socket, CancellationToken cancellationToken)
    {
        byte[] step = new byte[1];
        try
        {
            return await socket.ReceiveAsync(step, SocketFlags.None, cancellationToken) == 1 ? (HandoverStep)step[0] : null;
        }
        catch (SocketException)
        {
            return null;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }
}

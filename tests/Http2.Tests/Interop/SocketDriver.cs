using System.Net.Sockets;

namespace Culvert.Http2.Tests.Interop;

/// <summary>Drives a connection over a blocking socket until either side closes it.</summary>
internal static class SocketDriver
{
    public static void Run(Socket socket, Http2Connection connection, Func<bool>? until = null)
    {
        connection.Start();
        var buffer = new byte[32_768];
        Flush(socket, connection);
        while (!connection.IsClosed && until?.Invoke() != true)
        {
            var n = socket.Receive(buffer);
            if (n == 0) break;
            connection.Receive(buffer.AsSpan(0, n));
            Flush(socket, connection);
        }

        connection.TransportClosed();
    }

    private static void Flush(Socket socket, Http2Connection connection)
    {
        while (connection.PendingOutput > 0) connection.AdvanceOutput(socket.Send(connection.PeekOutput().Span));
    }
}

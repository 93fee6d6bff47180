using System.Net.Sockets;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>An application that sends back what it gets.</summary>
internal static class EchoServer
{
    /// <summary>Serves until stopped, and then until its clients have gone.</summary>
    internal static async Task RunAsync(Socket listener, CancellationToken stop)
    {
        List<Task> connections = [];
        try
        {
            while (true) connections.Add(ServeAsync(await listener.AcceptAsync(stop)));
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(connections);
        }
    }

    private static async Task ServeAsync(Socket socket)
    {
        byte[] buffer = new byte[4096];
        int n;
        while ((n = await socket.ReceiveAsync(buffer.AsMemory())) > 0) await socket.SendAllAsync(buffer.AsMemory(0, n));
        socket.Dispose();
    }
}

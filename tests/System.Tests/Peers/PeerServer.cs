using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Culvert.Labs;

namespace Culvert.SystemTests.Peers;

/// <summary>A TCP server inside a pod, or at another place, run by the test process itself: sockets stay in the namespace they were made in.</summary>
internal sealed class PeerServer : IAsyncDisposable
{
    private readonly Socket _listener;
    private readonly Func<Socket, Task> _serve;
    private readonly Task _accepting;
    private readonly ConcurrentBag<(EndPoint? Client, Task Served)> _connections = [];

    private PeerServer(Socket listener, Func<Socket, Task> serve)
    {
        _listener = listener;
        _serve = serve;
        EndPoint = (IPEndPoint)listener.LocalEndPoint!;
        _accepting = AcceptAsync();
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>What its handlers failed with.</summary>
    public ConcurrentQueue<Exception> Failures { get; } = new();

    /// <summary>Listens on a free port and serves each connection with the handler, which need not close it.</summary>
    public static PeerServer Start(LabNamespace place, IPAddress address, Func<Socket, Task> serve, int port = 0)
    {
        var listener = place.CreateSocket(address.AddressFamily);
        listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        listener.Bind(new IPEndPoint(address, port));
        listener.Listen(8192);
        return new PeerServer(listener, serve);
    }

    /// <summary>Sends back what it gets until the end, then ends its side.</summary>
    public static async Task EchoAsync(Socket socket)
    {
        var buffer = new byte[64 * 1024];
        for (int n; (n = await socket.ReceiveAsync(buffer)) > 0;)
        {
            await SendAllAsync(socket, buffer.AsMemory(0, n));
        }

        socket.Shutdown(SocketShutdown.Send);
    }

    /// <summary>
    /// Sends back what comes first and ends the connection. For servers that answer SYNs with cookies, as under a flood: their kernel takes a copy of a client's first data that comes late, after the end of its
    /// connection, for a connection of its own, and the client that has ended its side says nothing more on it.
    /// </summary>
    public static async Task EchoOnceAsync(Socket socket)
    {
        var buffer = new byte[64 * 1024];
        var n = await socket.ReceiveAsync(buffer);
        await SendAllAsync(socket, buffer.AsMemory(0, n));
    }

    public static async Task SendAllAsync(Socket socket, ReadOnlyMemory<byte> data)
    {
        while (data.Length > 0)
        {
            data = data[await socket.SendAsync(data)..];
        }
    }

    /// <summary>Asks an echo for one byte: the connection goes on.</summary>
    public static async Task PingAsync(Socket socket, TimeSpan within)
    {
        await SendAllAsync(socket, new byte[1]);
        Assert.Equal(1, await socket.ReceiveAsync(new byte[1]).WaitAsync(within));
    }

    /// <summary>Reads to the end.</summary>
    public static async Task<byte[]> ReceiveAllAsync(Socket socket)
    {
        using var all = new MemoryStream();
        var buffer = new byte[64 * 1024];
        for (int n; (n = await socket.ReceiveAsync(buffer)) > 0;)
        {
            all.Write(buffer, 0, n);
        }

        return all.ToArray();
    }

    /// <summary>Connects from a pod.</summary>
    public static async Task<Socket> ConnectAsync(LabNamespace from, IPEndPoint to, int seconds = 10)
    {
        var socket = from.CreateSocket(to.AddressFamily);
        try
        {
            socket.NoDelay = true;
            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
            await socket.ConnectAsync(to, deadline.Token);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _accepting;
        try
        {
            await Task.WhenAll(_connections.Select(c => c.Served)).WaitAsync(TimeSpan.FromSeconds(30));
        }
        catch (TimeoutException e)
        {
            var open = _connections.Where(c => !c.Served.IsCompleted).Select(c => c.Client);
            throw new TimeoutException($"of {_connections.Count} connections to {EndPoint} these have not ended: {string.Join(", ", open)}", e);
        }
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = await _listener.AcceptAsync();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return; // disposed
            }

            _connections.Add((socket.RemoteEndPoint, ServeAsync(socket)));
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        using (socket)
        {
            try
            {
                await Task.Yield();
                await _serve(socket);
            }
            catch (Exception e)
            {
                Failures.Enqueue(e);
            }
        }
    }
}

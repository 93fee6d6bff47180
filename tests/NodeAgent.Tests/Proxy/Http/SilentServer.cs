using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>A server of HTTP/2 that takes requests and never answers, and keeps nothing of them.</summary>
internal sealed class SilentServer : IDisposable
{
    private readonly ConcurrentQueue<RawFrames> _connections = [];
    private readonly Socket _listener;
    private readonly int _maxStreams;
    private readonly Action _counted;

    /// <summary>Listens at the application's address.</summary>
    /// <param name="pair">Whose application it is.</param>
    /// <param name="maxStreams">How many streams it says that it takes by each connection.</param>
    /// <param name="counted">Called for each request; on any thread.</param>
    internal SilentServer(ProxyPair pair, int maxStreams, Action counted)
    {
        (_listener, _maxStreams, _counted) = (pair.Listen(), maxStreams, counted);
        Port = ((IPEndPoint)_listener.LocalEndPoint!).Port;
        Accepting = Task.Run(AcceptAsync);
    }

    /// <summary>Ends when it is disposed.</summary>
    internal Task Accepting { get; }

    internal int Port { get; }

    /// <summary>Requests that have come.</summary>
    internal int Requests => _connections.Sum(c => c.Heads);

    public void Dispose()
    {
        _listener.Dispose();
        foreach (RawFrames connection in _connections) connection.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                RawFrames connection = new(await _listener.AcceptAsync(), _counted, isServer: true);
                _connections.Enqueue(connection);
                await connection.SendAsync(RawFrames.ServerStart(_maxStreams));
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // It is over.
        }
    }
}

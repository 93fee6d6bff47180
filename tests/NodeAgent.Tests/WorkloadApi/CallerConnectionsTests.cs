using System.Collections.Concurrent;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Net.Sockets;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Tests.Proxy;
using Culvert.NodeAgent.WorkloadApi;
using Culvert.Tests.Shared;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Tests.WorkloadApi;

/// <summary>Connections from when they come until they are served.</summary>
public sealed class CallerConnectionsTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"culvert-connections-{Guid.NewGuid():N}.sock");
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly List<Socket> _sockets = [];
    private readonly ManualTime _time = new();
    private readonly ToldAttestor _attestor = new();
    private readonly CallerConnections _connections;

    public CallerConnectionsTests()
    {
        _listener.Bind(new UnixDomainSocketEndPoint(_path));
        _listener.Listen();
        _connections = new CallerConnections(_attestor, new CallerPlaces(_time), _time, new LineLogger(new ConcurrentQueue<string>(), LogLevel.Information));
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _connections.Dispose();
        foreach (Socket socket in _sockets) socket.Dispose();
        _listener.Dispose();
        File.Delete(_path);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task AProcessThatEndsWhileItsConnectionWaitsIsHeldAndNotOpenedAgainByItsNumber()
    {
        TaskCompletionSource until = new();
        _attestor.Until = until.Task;
        Task first = ServeAsync(await ConnectAsync());
        await SocketExtensions.EventuallyAsync(() => _attestor.Looks == 1);

        // Another process has its connection then, as by fork(2), and the number may be whoever's: the connection does not end with it here either.
        using Process process = Process.Start("curl", ["-s", "--max-time", "60", "--unix-socket", _path, "http://localhost/"]);
        Task second = ServeAsync(await AcceptAsync());
        await SocketExtensions.EventuallyAsync(() => _connections.Waiting == 2);
        process.Kill();
        await process.WaitForExitAsync(Cancel);
        until.SetResult();
        await Task.WhenAll(first, second);

        (PeerProcess peer, bool isThere) = _attestor.Looked.Last();
        Assert.Equal((process.Id, false), (peer.Id, isThere));
        Assert.Same(_attestor.Grouped.Last(), peer);

        // It is let go of then.
        Assert.Throws<ObjectDisposedException>(() => peer.IsThere());
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task AProcessThatConnectsWithoutEndIsNotLookedAtEachTime()
    {
        for (int i = 0; i < 2 * CallerConnections.Burst; i++)
        {
            await ServeAsync(await ConnectAsync());
            foreach (Socket socket in _sockets) socket.Dispose();
            _sockets.Clear();
        }
        Assert.Equal((CallerConnections.Burst, CallerConnections.Burst), (_attestor.Looks, _attestor.Grouped.Count));
        _time.Advance(TimeSpan.FromSeconds(1));
        await ServeAsync(await ConnectAsync());
        Assert.Equal(CallerConnections.Burst + 1, _attestor.Looks);
    }

    private async Task<Socket> ConnectAsync()
    {
        Socket client = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _sockets.Add(client);
        await client.ConnectAsync(new UnixDomainSocketEndPoint(_path), Cancel);
        return await AcceptAsync();
    }

    private async Task<Socket> AcceptAsync()
    {
        Socket connection = await _listener.AcceptAsync(Cancel);
        _sockets.Add(connection);
        return connection;
    }

    // Until it was looked at, on another thread.
    private Task ServeAsync(Socket connection)
    {
        Pipe input = new(), output = new();
        DefaultConnectionContext context = new() { Transport = new Transport(input.Reader, output.Writer) };
        context.Features.Set<IConnectionSocketFeature>(new Accepted(connection));
        return Task.Run(() => _connections.ServeAsync(context, _ => Task.CompletedTask), Cancel);
    }

    private sealed record Transport(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    private sealed record Accepted(Socket Socket) : IConnectionSocketFeature;
}

using System.Net;
using System.Net.Sockets;

namespace Culvert.Kubernetes.Tests.Support;

/// <summary>A TCP proxy that can cut its connections, or carry nothing any more without saying so.</summary>
internal sealed class CuttingProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();
    private readonly List<Socket> _open = [];
    private readonly List<TaskCompletionSource> _silences = [];
    private readonly Task _accept;
    private readonly int _target;
    private volatile bool _refuses;
    private int _accepted;

    internal CuttingProxy(int target)
    {
        _target = target;
        _listener.Start();
        _accept = AcceptAsync();
    }

    internal int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>How many connections there were.</summary>
    internal int Accepted => Volatile.Read(ref _accepted);

    /// <summary>Whether new connections are closed at once.</summary>
    internal bool Refuses
    {
        get => _refuses;
        set => _refuses = value;
    }

    /// <summary>Cuts all connections there are.</summary>
    internal void Cut()
    {
        lock (_lock)
        {
            foreach (Socket socket in _open)
            {
                try
                {
                    socket.LingerState = new LingerOption(true, 0);
                }
                catch (Exception e) when (e is ObjectDisposedException or SocketException)
                {
                    // It has ended by itself.
                }
                socket.Dispose();
            }
            _open.Clear();
        }
    }

    /// <summary>Carries nothing any more on the connections there are; new ones are carried.</summary>
    internal void FallSilent()
    {
        lock (_lock)
        {
            foreach (TaskCompletionSource silence in _silences) silence.TrySetResult();
            _silences.Clear();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        Cut();
        await _accept;
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Socket client = await _listener.AcceptSocketAsync(_stop.Token);
                Interlocked.Increment(ref _accepted);
                if (_refuses) client.Dispose();
                else _ = CarryAsync(client);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }

    private async Task CarryAsync(Socket client)
    {
        var server = new Socket(SocketType.Stream, ProtocolType.Tcp);
        var silence = new TaskCompletionSource();
        lock (_lock)
        {
            _open.AddRange([client, server]);
            _silences.Add(silence);
        }
        try
        {
            await server.ConnectAsync(IPAddress.Loopback, _target, _stop.Token);
            await Task.WhenAny(CopyAsync(client, server, silence.Task), CopyAsync(server, client, silence.Task));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // Cut, or nobody there.
        }
        client.Dispose();
        server.Dispose();
    }

    private async Task CopyAsync(Socket from, Socket to, Task silence)
    {
        byte[] buffer = new byte[64 << 10];
        try
        {
            while (await from.ReceiveAsync(buffer.AsMemory(), _stop.Token) is > 0 and var count)
            {
                if (silence.IsCompleted) await Task.Delay(Timeout.InfiniteTimeSpan, _stop.Token);
                for (int sent = 0; sent < count;) sent += await to.SendAsync(buffer.AsMemory(sent, count - sent), _stop.Token);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // Cut.
        }
    }
}

using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Culvert.Controller.Tests.Issuers;

/// <summary>An issuer's server on loopback, which answers whatever comes with one text; nothing for an empty one.</summary>
internal sealed class IssuerServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly List<TcpClient> _clients = [];
    private readonly Task _running;
    private int _asked;

    public IssuerServer()
    {
        _listener.Start();
        _running = RunAsync();
    }

    /// <summary>What it says.</summary>
    public volatile string Answer = "";

    /// <summary>How often it was asked.</summary>
    public int Asked => Volatile.Read(ref _asked);

    public string Uri => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/keys.json";

    public static string Ok(string body) => $"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {body.Length}\r\n\r\n{body}";

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _running;
        foreach (TcpClient client in _clients) client.Dispose();
        _listener.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                TcpClient client = await _listener.AcceptTcpClientAsync();
                _clients.Add(client);
                byte[] request = new byte[4096];
                if (await client.GetStream().ReadAtLeastAsync(request, 1, throwOnEndOfStream: false) == 0) continue;
                Interlocked.Increment(ref _asked);
                if (Answer.Length > 0) await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(Answer));
                if (Answer.Contains("connection: close", StringComparison.Ordinal)) client.Client.Shutdown(SocketShutdown.Send);
            }
        }
        catch (Exception exception) when (exception is SocketException or InvalidOperationException or IOException)
        {
            // It is stopped (which a listener that is not asked just then says as InvalidOperationException), or whoever asked has gone.
        }
    }
}

using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Culvert.Controller.Tests.Identity.Upstream;

namespace Culvert.Controller.Tests.Identity.Federation;

/// <summary>A web server on loopback with TLS, which answers each request with a text; nothing for an empty one.</summary>
internal sealed class BundleSite : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentBag<Task> _serving = [];
    private readonly Task _running;
    private volatile SslStreamCertificateContext _context;
    private int _asked;

    public BundleSite(CaFiles certificate)
    {
        _context = Load(certificate);
        _listener.Start();
        _running = RunAsync();
    }

    /// <summary>The whole answer, head and body, by the path.</summary>
    public volatile Func<string, string> Answer = _ => "";

    /// <summary>How many requests have come.</summary>
    public int Asked => Volatile.Read(ref _asked);

    /// <summary>Requests as they have come.</summary>
    public ConcurrentQueue<string> Requests { get; } = [];

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public string Url => $"https://localhost:{Port}/";

    public static string Ok(string body) => $"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}";

    public static string Redirect(string to) => $"HTTP/1.1 307 Temporary Redirect\r\nlocation: {to}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

    /// <summary>Tells a bundle from now on.</summary>
    public void Tell(string bundle) => Answer = _ => Ok(bundle);

    /// <summary>Shows another certificate from now on.</summary>
    public void Show(CaFiles certificate) => _context = Load(certificate);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _running;
        await Task.WhenAll(_serving);
        _listener.Dispose();
        _stop.Dispose();
    }

    // One with its key in memory only is none for a server on some platforms. It is told alone, and nobody is asked for those above it.
    private static SslStreamCertificateContext Load(CaFiles certificate) =>
        SslStreamCertificateContext.Create(X509CertificateLoader.LoadPkcs12(X509Certificate2.CreateFromPem(certificate.CertificatePem, certificate.KeyPem).Export(X509ContentType.Pkcs12), null), null, offline: true);

    private async Task RunAsync()
    {
        try
        {
            while (true) _serving.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
        }
        catch (Exception e) when (e is SocketException or InvalidOperationException or OperationCanceledException)
        {
            // It is stopped.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        try
        {
            using (client)
            {
                await using SslStream tls = new(client.GetStream());
                await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificateContext = _context, ClientCertificateRequired = true, RemoteCertificateValidationCallback = (_, _, _, _) => true }, _stop.Token);
                byte[] buffer = new byte[8192];
                int read = await tls.ReadAsync(buffer, _stop.Token);
                if (read == 0) return;
                string request = Encoding.ASCII.GetString(buffer, 0, read);
                Requests.Enqueue(tls.RemoteCertificate is null ? request : "with a certificate: " + request);
                Interlocked.Increment(ref _asked);
                string answer = Answer(request.Split(' ')[1]);
                await tls.WriteAsync(Encoding.UTF8.GetBytes(answer), _stop.Token);
                if (!answer.Contains("connection: close", StringComparison.Ordinal)) await Task.Delay(Timeout.Infinite, _stop.Token);
                await tls.ShutdownAsync();
            }
        }
        catch (Exception e) when (e is IOException or AuthenticationException or OperationCanceledException or SocketException)
        {
            // Whoever has asked has gone, or does not believe it.
        }
    }
}

using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Culvert.Cli.Labs;
using Culvert.Http2;

namespace Culvert.SystemTests.Peers;

/// <summary>An HBONE client made by hand: TLS with a given certificate, one CONNECT.</summary>
internal sealed class TunnelClient : IHttp2Handler
{
    private int _status;
    private bool _ended;

    /// <summary>Asks for a connection.</summary>
    /// <returns>The status of the answer; 0 when the connection ended without one.</returns>
    public static async Task<int> ConnectAsync(LabNamespace from, IPAddress pod, int port, string pem)
    {
        using var socket = from.CreateSocket(pod.AddressFamily);
        await socket.ConnectAsync(new IPEndPoint(pod, 15008));
        await using var tls = new SslStream(new NetworkStream(socket));
        using var certificate = X509Certificate2.CreateFromPemFile(pem);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(pem);
        chain.RemoveAt(0);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "",
            EnabledSslProtocols = SslProtocols.Tls13,
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            ClientCertificateContext = SslStreamCertificateContext.Create(certificate, chain, offline: true),
            RemoteCertificateValidationCallback = (_, _, _, _) => true,
        });
        var handler = new TunnelClient();
        using var connection = new Http2Connection(Http2Role.Client, new Http2Options(), handler, TimeProvider.System);
        connection.Start();
        var authority = string.Create(CultureInfo.InvariantCulture, $"{(pod.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{pod}]" : pod)}:{port}");
        connection.OpenStream(new HeaderList().Add(":method"u8, "CONNECT"u8).Add(":authority"u8, Encoding.ASCII.GetBytes(authority)), endStream: false, state: null);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        var buffer = new byte[16 * 1024];
        while (handler._status == 0 && !handler._ended)
        {
            while (connection.PendingOutput > 0)
            {
                var bytes = connection.PeekOutput();
                await tls.WriteAsync(bytes, deadline.Token);
                connection.AdvanceOutput(bytes.Length);
            }

            var n = await tls.ReadAsync(buffer, deadline.Token);
            if (n == 0)
            {
                break;
            }

            connection.Receive(buffer.AsSpan(0, n));
        }

        return handler._status;
    }

    public void OnHeaders(Http2Stream stream, HeaderList headers, Http2HeadersKind kind, bool endStream) => _status = headers.Status;

    public void OnData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream)
    {
    }

    public void OnReset(Http2Stream stream, Http2ErrorCode code) => _ended = true;

    public void OnStreamClosed(Http2Stream stream) => _ended = true;

    public void OnWindowAvailable(Http2Stream stream)
    {
    }

    public void OnGoAway(int lastStreamId, Http2ErrorCode code, ReadOnlySpan<byte> debugData) => _ended = true;

    public void OnPingAck(ulong opaque)
    {
    }

    public void OnSettings()
    {
    }
}

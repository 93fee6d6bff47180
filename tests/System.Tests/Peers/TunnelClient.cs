using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Culvert.Http2;
using Culvert.Labs;

namespace Culvert.SystemTests.Peers;

/// <summary>An HBONE client made by hand: TLS with a given certificate, one CONNECT.</summary>
internal sealed class TunnelClient : IHttp2Handler
{
    private int _status;
    private bool _ended;
    private bool _settled;

    /// <summary>Asks for a connection, or a session of datagrams.</summary>
    /// <param name="from">Where the client is.</param>
    /// <param name="pod">The workload.</param>
    /// <param name="port">Its port.</param>
    /// <param name="pem">Certificate, chain and key.</param>
    /// <param name="forwarded">The client that the request names; null: none.</param>
    /// <param name="udp">Whether it is for datagrams.</param>
    /// <returns>The status of the answer; 0 when the connection ended without one.</returns>
    public static async Task<int> ConnectAsync(LabNamespace from, IPAddress pod, int port, string pem, IPEndPoint? forwarded = null, bool udp = false)
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
        var asked = false;
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        var buffer = new byte[16 * 1024];
        while (handler._status == 0 && !handler._ended)
        {
            if (!asked && (!udp || handler._settled)) // RFC 8441: the server says first that it takes extended CONNECT
            {
                asked = true;
                connection.OpenStream(Request(new IPEndPoint(pod, port), forwarded, udp), endStream: false, state: null);
            }

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

    // RFC 9113, 8.5, and RFC 9298.
    private static HeaderList Request(IPEndPoint target, IPEndPoint? forwarded, bool udp)
    {
        var headers = new HeaderList().Add(":method"u8, "CONNECT"u8);
        if (udp)
        {
            var path = string.Create(CultureInfo.InvariantCulture, $"/.well-known/masque/udp/{target.Address.ToString().Replace(":", "%3A", StringComparison.Ordinal)}/{target.Port}/");
            headers.Add(":protocol"u8, "connect-udp"u8).Add(":scheme"u8, "https"u8).Add(":authority"u8, Encoding.ASCII.GetBytes(target.ToString()))
                .Add(":path"u8, Encoding.ASCII.GetBytes(path)).Add("capsule-protocol"u8, "?1"u8);
        }
        else
        {
            headers.Add(":authority"u8, Encoding.ASCII.GetBytes(target.ToString()));
        }

        return forwarded is null ? headers : headers.Add("forwarded"u8, Encoding.ASCII.GetBytes($"for=\"{forwarded}\""));
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

    public void OnSettings() => _settled = true;
}

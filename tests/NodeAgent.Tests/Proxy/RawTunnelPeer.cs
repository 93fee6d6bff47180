using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>The client's end of a tunnel whose TLS records are put on the wire by the test, in any pieces.</summary>
internal sealed class RawTunnelPeer : IAsyncDisposable
{
    // Less than a keep-alive takes, whose PING would set a tunnel that lies still going again.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    private readonly X509Certificate2 _certificate;
    private readonly HoldingStream _wire;
    private readonly SslStream _tls;

    private RawTunnelPeer(Socket socket, X509Certificate2 certificate)
    {
        Socket = socket;
        _certificate = certificate;
        _wire = new HoldingStream(socket);
        _tls = new SslStream(_wire);
    }

    internal Socket Socket { get; }

    /// <summary>Connects to the pair's tunnel port and exchanges SETTINGS.</summary>
    internal static async Task<RawTunnelPeer> ConnectAsync(ProxyPair pair, IPAddress? from = null)
    {
        TestLeaf leaf = pair.Authority.Issue(ProxyPair.Alice);
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (from is not null) socket.Bind(new IPEndPoint(from, 0));
        await socket.ConnectAsync(ProxyPair.ToIp(pair.Tunnel));
        RawTunnelPeer peer = new(socket, X509Certificate2.CreateFromPem(leaf.CertificatePem, leaf.KeyPem));
        await peer._tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "tunnel",
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            ClientCertificateContext = SslStreamCertificateContext.Create(peer._certificate, null, offline: true),
            RemoteCertificateValidationCallback = (_, _, _, _) => true,
        });
        await peer._tls.WriteAsync((byte[])[.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, 0, 0, 0, 4, 0, 0, 0, 0, 0]);
        while (await peer.ReceiveFrameAsync() is not (4, 1, _))
        {
        }

        peer._wire.Held = new MemoryStream();
        return peer;
    }

    /// <summary>The bytes as a TLS record, which is not sent.</summary>
    internal async Task<byte[]> EncryptAsync(byte[] bytes)
    {
        await _tls.WriteAsync(bytes);
        byte[] record = _wire.Held!.ToArray();
        _wire.Held.SetLength(0);
        return record;
    }

    internal async Task<(byte Type, byte Flags, byte[] Payload)> ReceiveFrameAsync(TimeSpan? limit = null)
    {
        byte[] head = new byte[9];
        await _tls.ReadExactlyAsync(head).AsTask().WaitAsync(limit ?? Limit);
        byte[] payload = new byte[(head[0] << 16) | (head[1] << 8) | head[2]];
        await _tls.ReadExactlyAsync(payload).AsTask().WaitAsync(Limit);
        return (head[3], head[4], payload);
    }

    public async ValueTask DisposeAsync()
    {
        Socket.Dispose();
        await _tls.DisposeAsync();
        _certificate.Dispose();
    }

    /// <summary>A socket's stream whose writes go to <see cref="Held"/> once there is one.</summary>
    private sealed class HoldingStream(Socket socket) : NetworkStream(socket)
    {
        internal MemoryStream? Held { get; set; }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (Held is null) return base.WriteAsync(buffer, cancellationToken);
            Held.Write(buffer.Span);
            return ValueTask.CompletedTask;
        }
    }
}

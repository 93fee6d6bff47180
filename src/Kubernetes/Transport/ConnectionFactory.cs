using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Configuration;

namespace Culvert.Kubernetes.Transport;

/// <summary>Makes connections: HTTP/2 where the server has it, with pings, and TCP keep-alive for HTTP/1.1, so that a peer that is gone without a word is noticed.</summary>
internal sealed class ConnectionFactory(ClusterConfiguration configuration, KubernetesClientOptions options, ServerTrust trust)
{
    // For HTTP/1.1 only, where nothing else notices: after 30 s of silence, three probes.
    private const int KeepAliveSeconds = 30;
    private const int KeepAliveInterval = 5;
    private const int KeepAliveProbes = 3;

    public ConnectionSet Make(ClientIdentity? identity)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.GZip,
            ConnectCallback = ConnectAsync,
            ConnectTimeout = options.ConnectTimeout,
            EnableMultipleHttp2Connections = true,
            KeepAlivePingDelay = options.PingDelay,
            KeepAlivePingTimeout = options.PingTimeout,
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            MaxResponseHeadersLength = 64,
            Proxy = configuration.Proxy is { } proxy ? new WebProxy(proxy) : null,
            UseCookies = false,
            UseProxy = configuration.Proxy is not null,
            SslOptions = new SslClientAuthenticationOptions
            {
                ClientCertificateContext = identity?.Context(),
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                RemoteCertificateValidationCallback = (_, certificate, chain, errors) => trust.Validate(certificate, chain, errors),
            },
        };
        return new ConnectionSet(identity, new HttpMessageInvoker(handler));
    }

    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, KeepAliveSeconds);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, KeepAliveInterval);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, KeepAliveProbes);
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}

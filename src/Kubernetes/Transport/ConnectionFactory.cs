using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Configuration;
using k8s;
using k8s.Authentication;

namespace Culvert.Kubernetes.Transport;

/// <summary>
/// Makes clients of the package. Their connections use HTTP/2 with pings where the server has it, and TCP keep-alive for HTTP/1.1, so
/// that a peer that is gone without a word is noticed.
/// </summary>
internal sealed class ConnectionFactory(ClusterConfiguration configuration, KubernetesClientOptions options, ServerTrust trust, ITokenProvider tokens)
{
    // For HTTP/1.1 only, which has no pings: after 30 s of silence, three probes.
    private const int KeepAliveSeconds = 30;
    private const int KeepAliveInterval = 5;
    private const int KeepAliveProbes = 3;

    private readonly IReadOnlyDictionary<string, IReadOnlyList<string>>? _headers = Impersonation.Headers(configuration.Credentials);

    public ConnectionSet Make(ClientIdentity? identity)
    {
        var settings = new KubernetesClientConfiguration
        {
            Host = configuration.Server.GetLeftPart(UriPartial.Path),
            TlsServerName = configuration.TlsServerName,
            TokenProvider = tokens,
            UserAgent = options.UserAgent,
            // The package's limit follows the system's clock and ends with the header; ApiTransport has one for the whole answer.
            HttpClientTimeout = Timeout.InfiniteTimeSpan,
            FirstMessageHandlerSetup = handler => SetUp(handler, identity),
        };
        return new ConnectionSet(identity, new PackageClient(settings, _headers));
    }

    private void SetUp(SocketsHttpHandler handler, ClientIdentity? identity)
    {
        handler.AllowAutoRedirect = false;
        handler.AutomaticDecompression = DecompressionMethods.GZip;
        handler.ConnectCallback = ConnectAsync;
        handler.ConnectTimeout = options.ConnectTimeout;
        handler.KeepAlivePingDelay = options.PingDelay;
        handler.KeepAlivePingTimeout = options.PingTimeout;
        handler.MaxResponseHeadersLength = 64;
        handler.Proxy = configuration.Proxy is { } proxy ? new WebProxy(proxy) : null;
        handler.UseCookies = false;
        handler.UseProxy = configuration.Proxy is not null;
        handler.SslOptions = new SslClientAuthenticationOptions
        {
            ClientCertificateContext = identity?.Context(),
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            RemoteCertificateValidationCallback = (_, certificate, chain, errors) => trust.Validate(certificate, chain, errors),
        };
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

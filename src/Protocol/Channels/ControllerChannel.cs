using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Culvert.Grpc;
using Grpc.Core;

namespace Culvert.Protocol;

/// <summary>Makes channels to the controller.</summary>
public static class ControllerChannel
{
    // An agent makes another channel for each node certificate. Its stream keeps the connection of the one in use; an older one's must not lie there for ever, as the controller lets
    // a node have a few.
    private static readonly TimeSpan IdleTimeout = TimeSpan.FromSeconds(5);

    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    /// <summary>A channel over TLS 1.3 that accepts the controller of the given roots and nobody else, whatever its address.</summary>
    public static GrpcChannel ForTls(ControllerChannelOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        SocketsHttpHandler handler = GrpcSocketsHandler.Create();
        handler.PooledConnectionIdleTimeout = IdleTimeout;

        // The handshake is done here and not by the handler, so that each one asks for the certificates of the moment.
        handler.ConnectCallback = async (context, cancellationToken) =>
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            SslStream? stream = null;
            try
            {
                await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
                stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
                await HandshakeAsync(stream, HandshakeOptions(options, context.DnsEndPoint.Host), cancellationToken);
                return stream;
            }
            catch
            {
                if (stream is not null) await stream.DisposeAsync();
                socket.Dispose();
                throw;
            }
        };
        // The handler sees plain HTTP/2; the stream below it is encrypted.
        var address = new UriBuilder(options.Address) { Scheme = Uri.UriSchemeHttp, Port = options.Address.Port }.Uri;
        return GrpcChannel.ForAddress(address, ChannelOptions(handler));
    }

    /// <summary>A channel to the controller's Unix socket. Calls name their node by <see cref="ForNode"/>.</summary>
    public static GrpcChannel ForUnixSocket(string path) =>
        GrpcChannel.ForAddress("http://localhost", ChannelOptions(GrpcSocketsHandler.CreateForUnixSocket(path)));

    /// <summary>Headers that name the node of a call over a Unix socket.</summary>
    public static Metadata ForNode(string node) => new() { { NodeHeader.Name, node } };

    private static async Task HandshakeAsync(SslStream stream, SslClientAuthenticationOptions options, CancellationToken cancellationToken)
    {
        try
        {
            await stream.AuthenticateAsClientAsync(options, cancellationToken);
            return;
        }
        catch (AuthenticationException e) when (e.Message.Contains("RemoteCertificateValidationCallback", StringComparison.Ordinal))
        {
            // Said below, without the runtime's exception: of several, a call says what the innermost says, and that knows nothing but the callback's name.
        }
        throw new AuthenticationException(
            "the server's certificate is not that of a controller of the known roots; check the address (--controller), the roots (--bootstrap-roots takes the controller's own roots.pem) and the clock");
    }

    private static GrpcChannelOptions ChannelOptions(SocketsHttpHandler handler) =>
        new() { HttpHandler = handler, DisposeHttpClient = true, MaxReceiveMessageSize = ProtocolLimits.MaxMessageSize };

    private static SslClientAuthenticationOptions HandshakeOptions(ControllerChannelOptions options, string host)
    {
        SslClientIdentity? identity = options.Identity?.Invoke();
        return new()
        {
            TargetHost = host,
            EnabledSslProtocols = System.Security.Authentication.SslProtocols.Tls13,
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            CertificateChainPolicy = ControllerPolicy(options.Roots(), options.Time.GetUtcNow()),
            AllowTlsResume = false,
            ClientCertificateContext = identity is null ? null : OwnCertificate.Context(identity.Certificate, identity.Intermediates),
            // Its address is of no account.
            RemoteCertificateValidationCallback = (_, certificate, _, errors) =>
                (errors & ~SslPolicyErrors.RemoteCertificateNameMismatch) == SslPolicyErrors.None
                && certificate is X509Certificate2 leaf && SvidReader.TryRead(leaf, out SpiffeId? id) && id.Path == SpiffeId.ControllerPath,
        };
    }

    private static X509ChainPolicy ControllerPolicy(IReadOnlyList<ReadOnlyMemory<byte>> roots, DateTimeOffset now)
    {
        X509ChainPolicy policy = new()
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
            VerificationTimeIgnored = false,
            VerificationTime = now.LocalDateTime,
        };
        policy.ApplicationPolicy.Add(new Oid(ServerAuthentication));
        foreach (ReadOnlyMemory<byte> root in roots) policy.CustomTrustStore.Add(X509CertificateLoader.LoadCertificate(root.Span));
        return policy;
    }
}

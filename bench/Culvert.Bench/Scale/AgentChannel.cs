using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Culvert.GrpcHosting;
using Culvert.Protocol;
using Grpc.Net.Client;

namespace Culvert.Bench.Scale;

/// <summary>
/// Makes channels as agents do (<see cref="ControllerChannel"/>), which besides count what they receive and leave from an address of their own, as nodes have one.
/// </summary>
internal static class AgentChannel
{
    /// <summary>A channel to the controller, over TLS.</summary>
    /// <param name="controller">Where it is.</param>
    /// <param name="from">The address to connect from.</param>
    /// <param name="roots">What the controller's certificate leads to.</param>
    /// <param name="identity">The node's certificate; null before it has joined.</param>
    /// <param name="received">Told of received bytes.</param>
    public static GrpcChannel Create(IPEndPoint controller, IPAddress from, X509Certificate2Collection roots, SslClientIdentity? identity, Action<int> received)
    {
        SocketsHttpHandler handler = GrpcSocketsHandler.Create();
        handler.ConnectCallback = async (_, cancellationToken) =>
        {
            Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            SslStream? stream = null;
            try
            {
                socket.Bind(new IPEndPoint(from, 0));
                await socket.ConnectAsync(controller, cancellationToken);
                stream = new SslStream(new CountingStream(new NetworkStream(socket, ownsSocket: true), received));
                await stream.AuthenticateAsClientAsync(Handshake(roots, identity), cancellationToken);
                return stream;
            }
            catch
            {
                if (stream is not null) await stream.DisposeAsync();
                socket.Dispose();
                throw;
            }
        };
        GrpcChannelOptions options = new() { HttpHandler = handler, DisposeHttpClient = true, MaxReceiveMessageSize = ProtocolLimits.MaxMessageSize };
        return GrpcChannel.ForAddress($"http://{controller}", options);
    }

    private static SslClientAuthenticationOptions Handshake(X509Certificate2Collection roots, SslClientIdentity? identity)
    {
        X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        policy.CustomTrustStore.AddRange(roots);
        return new()
        {
            TargetHost = "localhost",
            EnabledSslProtocols = SslProtocols.Tls13,
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            CertificateChainPolicy = policy,
            AllowTlsResume = false,
            ClientCertificateContext = identity is null ? null : OwnCertificate.Context(identity.Certificate, identity.Intermediates),
            RemoteCertificateValidationCallback = (_, _, _, errors) => (errors & ~SslPolicyErrors.RemoteCertificateNameMismatch) == SslPolicyErrors.None,
        };
    }
}

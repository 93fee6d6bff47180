using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Culvert.Controller.Nodes;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Culvert.Controller.Hosting;

/// <summary>The handshake with agents: TLS 1.3; a client certificate is optional (a node that joins has none yet), a bad one ends the handshake.</summary>
internal static class ControllerTls
{
    // Enough for a lost segment to come again twice (RFC 6298: after 1 s, then 2).
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(3);

    public static TlsHandshakeCallbackOptions Options(ServerIdentity identity, NodeAuthenticator authenticator) => new()
    {
        HandshakeTimeout = HandshakeTimeout,
        OnConnection = async context => new SslServerAuthenticationOptions
        {
            EnabledSslProtocols = SslProtocols.Tls13,
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            ServerCertificateContext = await identity.GetAsync(context.CancellationToken),
            ClientCertificateRequired = true,
            // A resumed session shows the leaf without the chain, so that an agent that connects again could not be verified.
            AllowTlsResume = false,
            // Whom to trust the callback says: without this .NET reads the system's roots first.
            CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true },
            RemoteCertificateValidationCallback = (_, certificate, chain, _) =>
            {
                if (certificate is null) return true;
                if (certificate is not X509Certificate2 leaf || authenticator.Verify(leaf, chain) is not { } proof) return false;
                context.Connection.Items[NodeProof.Key] = proof;
                return true;
            },
        },
    };
}

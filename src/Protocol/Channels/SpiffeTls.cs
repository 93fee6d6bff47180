using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;

namespace Culvert.Protocol;

/// <summary>Connections over TLS 1.3 to servers that are known by their SPIFFE IDs, wherever they are.</summary>
public static class SpiffeTls
{
    /// <summary>Has a handler of HTTP/2 in the clear connect so: it sees plain HTTP/2, the stream below it is encrypted.</summary>
    /// <param name="handler">The handler; its callback for connections is set.</param>
    /// <param name="options">Who the server is, and what it is shown.</param>
    public static void ConnectBy(SocketsHttpHandler handler, SpiffeTlsOptions options)
    {
        ArgumentNullException.ThrowIfNull(handler);
        ArgumentNullException.ThrowIfNull(options);

        // The handshake is done here and not by the handler, so that each one asks for the certificates of the moment.
        handler.ConnectCallback = async (context, cancellationToken) =>
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            SslStream? stream = null;
            try
            {
                await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
                stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
                await HandshakeAsync(stream, options, context.DnsEndPoint.Host, cancellationToken);
                return stream;
            }
            catch
            {
                if (stream is not null) await stream.DisposeAsync();
                socket.Dispose();
                throw;
            }
        };
    }

    private static async Task HandshakeAsync(SslStream stream, SpiffeTlsOptions options, string host, CancellationToken cancellationToken)
    {
        string untimely = "";
        try
        {
            await stream.AuthenticateAsClientAsync(HandshakeOptions(options, host, text => untimely = text), cancellationToken);
            return;
        }
        catch (AuthenticationException e) when (e.Message.Contains("RemoteCertificateValidationCallback", StringComparison.Ordinal))
        {
            // Said below, without the runtime's exception: of several, a call says what the innermost says, and that knows nothing but the callback's name.
        }
        throw new AuthenticationException(options.Refusal + untimely);
    }

    private static SslClientAuthenticationOptions HandshakeOptions(SpiffeTlsOptions options, string host, Action<string> sayUntimely)
    {
        SslClientIdentity? identity = options.Identity?.Invoke();
        return new()
        {
            TargetHost = host,
            EnabledSslProtocols = SslProtocols.Tls13,
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            CertificateChainPolicy = RootsPolicy.Create(options.Roots(), options.Time.GetUtcNow(), KeyPurposes.ServerAuthentication),
            AllowTlsResume = false,
            ClientCertificateContext = identity is null ? null : OwnCertificate.Context(identity.Certificate, identity.Intermediates),
            // Its address is of no account.
            RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
            {
                if (certificate is not X509Certificate2 leaf) return false;
                if ((errors & ~SslPolicyErrors.RemoteCertificateNameMismatch) == SslPolicyErrors.None) return SvidReader.TryRead(leaf, out SpiffeId? id) && options.IsServer(id);
                if (chain?.ChainStatus.All(s => s.Status == X509ChainStatusFlags.NotTimeValid) == true) sayUntimely(Untimely(leaf, options.Time.GetUtcNow()));
                return false;
            },
        };
    }

    // Where nothing else is wrong: most likely a clock is.
    private static string Untimely(X509Certificate2 leaf, DateTimeOffset now)
    {
        DateTimeOffset from = new(leaf.NotBefore.ToUniversalTime()), until = new(leaf.NotAfter.ToUniversalTime());
        return now < from || now > until ? string.Create(CultureInfo.InvariantCulture, $"; the certificate is good from {from:u} to {until:u}, and the clock here says {now:u}") : "";
    }
}

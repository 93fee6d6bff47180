using System.Collections.Immutable;
using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Culvert.Protocol;

namespace Culvert.Controller.Identity.Federation;

/// <summary>Asks endpoints of other trust domains for their bundles: bounded in time and bytes, without a certificate of its own, proxies or cookies. Redirects are followed, each with the same checks, and not remembered. Safe for any number of threads.</summary>
/// <param name="options">How long it waits.</param>
/// <param name="time">The clock that certificates are checked by.</param>
internal sealed class BundleClient(FederationOptions options, TimeProvider time)
{
    private const int MostRedirects = 5;
    private const int MostReason = 300;

    /// <summary>Asks for one.</summary>
    /// <param name="endpoint">Where.</param>
    /// <param name="rootsOf">The roots of a trust domain, by which its server proves itself (https_spiffe); null: they are not known.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The bundle; or why there is none.</returns>
    public async Task<(BundleDocument? Document, string? Failure)> ReadAsync(BundleEndpoint endpoint, Func<string, IReadOnlyList<ReadOnlyMemory<byte>>?> rootsOf, CancellationToken cancellationToken)
    {
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(options.Patience);
        Verification? verification = null;
        X509ChainPolicy? policy = null;
        try
        {
            verification = endpoint.Server is { } server ? new(server, RootsOf(server, rootsOf), time) : null;
            policy = await PolicyAsync(endpoint, patience.Token);
            SslClientAuthenticationOptions tls = new() { EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13, AllowTlsResume = false, CertificateChainPolicy = policy, RemoteCertificateValidationCallback = verification is null ? null : (_, shown, others, _) => verification.Accepts(shown, others) };

            // A new connection each time: endpoints are asked once a minute at most, and each handshake is to be with the roots of the moment.
            using SocketsHttpHandler handler = new() { AllowAutoRedirect = false, UseCookies = false, UseProxy = false, MaxResponseHeadersLength = 16, SslOptions = tls };
            using HttpClient client = new(handler) { MaxResponseContentBufferSize = BundleDocument.MostBytes, Timeout = Timeout.InfiniteTimeSpan };
            client.DefaultRequestHeaders.Add("accept", "application/json");
            return (await ReadAsync(client, endpoint.Url, patience.Token), null);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (null, $"there was no whole answer within {options.Patience.TotalSeconds:0.#} s");
        }
        catch (HttpRequestException e) when (e.HttpRequestError == HttpRequestError.ConfigurationLimitExceeded)
        {
            return (null, $"the answer has more than {BundleDocument.MostBytes} bytes, or its head is too long");
        }
        catch (Exception e) when (e is not (OutOfMemoryException or OperationCanceledException))
        {
            string reason = verification?.Refusal ?? string.Concat(ReasonOf(e, endpoint).Where(c => !char.IsControl(c)));
            return (null, reason.Length <= MostReason ? reason : reason[..MostReason]);
        }
        finally
        {
            foreach (X509Certificate2 root in policy?.CustomTrustStore ?? []) root.Dispose();
        }
    }

    private static async Task<BundleDocument> ReadAsync(HttpClient client, Uri url, CancellationToken cancellationToken)
    {
        for (int redirects = 0; redirects <= MostRedirects; redirects++)
        {
            using HttpRequestMessage request = new(HttpMethod.Get, url) { VersionPolicy = HttpVersionPolicy.RequestVersionOrHigher };
            using HttpResponseMessage response = await client.SendAsync(request, cancellationToken);
            if (response.StatusCode is HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect)
            {
                Uri target = response.Headers.Location is { } location ? new Uri(url, location) : throw new InvalidDataException($"the answer is {(int)response.StatusCode} without a place to ask instead");
                if (BundleEndpoint.CheckUrl(target) is { } wrong) throw new InvalidDataException($"it is redirected to where it is not followed, as the URL {wrong}");
                url = target;
                continue;
            }
            if (response.StatusCode != HttpStatusCode.OK) throw new InvalidDataException($"the answer is {(int)response.StatusCode}");
            byte[] body = await response.Content.ReadAsByteArrayAsync(cancellationToken);
            string fault;
            try
            {
                return BundleDocument.Read(body);
            }
            catch (InvalidDataException e)
            {
                fault = e.Message;
            }

            // Without an inner one: of several that is what is told.
            throw new InvalidDataException($"the answer {fault}");
        }
        throw new InvalidDataException($"it is redirected more than {MostRedirects} times");
    }

    /// <summary>Whom to believe to be the server, without a word to anybody else: a certificate that the server shows could name an address to ask for another one, also one that only this machine reaches (RFC 5280, section 8).</summary>
    private async Task<X509ChainPolicy> PolicyAsync(BundleEndpoint endpoint, CancellationToken cancellationToken)
    {
        X509ChainPolicy policy = RootsPolicy.Create(endpoint.WebRoots is { } path ? await ReadWebRootsAsync(path, cancellationToken) : [], time.GetUtcNow(), KeyPurposes.ServerAuthentication);
        if (endpoint is { Server: null, WebRoots: null }) policy.TrustMode = X509ChainTrustMode.System;
        return policy;
    }

    private static async Task<IReadOnlyList<ReadOnlyMemory<byte>>> ReadWebRootsAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            ImmutableArray<ReadOnlyMemory<byte>> roots = PemFile.Certificates(await PemFile.ReadAsync(path, cancellationToken));
            return roots.IsEmpty ? throw new InvalidDataException($"{path} of webRoots has no certificate") : roots;
        }
        catch (Exception e) when (e is AuthorityException or CryptographicException)
        {
            throw new InvalidDataException($"webRoots can't be used: {e.Message}", e);
        }
    }

    private static string ReasonOf(Exception failure, BundleEndpoint endpoint) => failure switch
    {
        HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } => $"no address of the host {endpoint.Url.IdnHost} can be found",
        HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } when endpoint.Server is not null => $"the TLS handshake has failed; is it TLS that answers there? {TextOf(failure)}",
        HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } =>
            $"the TLS handshake has failed; is it TLS that answers there, with a certificate of the web for this host (https_web), and not one that proves a SPIFFE ID (https_spiffe)? {TextOf(failure)}",
        InvalidDataException => failure.Message,
        _ => TextOf(failure),
    };

    private static string TextOf(Exception failure) => failure.InnerException?.Message ?? failure.Message;

    private static IReadOnlyList<ReadOnlyMemory<byte>> RootsOf(SpiffeId server, Func<string, IReadOnlyList<ReadOnlyMemory<byte>>?> rootsOf) =>
        rootsOf(server.TrustDomain) ?? throw new InvalidDataException($"the server is to be {server}, and no bundle of {server.TrustDomain} is known that could prove it: federate with that domain, too, or bring its bundle by a file");

    /// <summary>Says whether a server is the one that is meant, and keeps why not: the exception that comes of it does not say.</summary>
    private sealed class Verification(SpiffeId wanted, IReadOnlyList<ReadOnlyMemory<byte>> roots, TimeProvider time)
    {
        public string? Refusal { get; private set; }

        public bool Accepts(X509Certificate? shown, X509Chain? others)
        {
            Refusal = FindRefusal(shown, others?.ChainPolicy.ExtraStore ?? []);
            return Refusal is null;
        }

        // Its address is of no account, and what .NET has found of its chain is of nobody.
        private string? FindRefusal(X509Certificate? shown, X509Certificate2Collection others)
        {
            if (shown is not X509Certificate2 leaf) return "the server has shown no certificate";
            try
            {
                if (!SvidStandard.TryRead(SvidReader.ReadClaims(leaf), out SpiffeId? id, out BrokenSvidRule? broken)) return $"the server's certificate {broken.Text}";
                if (id != wanted) return $"the server is {id}, and {wanted} is meant";
                return AnchorPath.FindProblem(leaf, others, roots, time.GetUtcNow()) is { } problem ? $"the server's certificate does not lead to the bundle of {wanted.TrustDomain} that is known, or is not valid now: {problem}" : null;
            }
            catch (CryptographicException e)
            {
                return $"the server's certificate can't be read: {e.Message}";
            }
        }
    }
}

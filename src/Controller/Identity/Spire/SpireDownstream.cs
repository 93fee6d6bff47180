using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Controller.Identity.Upstream;
using Culvert.Protocol.SpireApi;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Identity.Spire;

/// <summary>A SPIRE server that certifies an authority of the controller's (NewDownstreamX509CA), which needs a downstream entry. Called by one at a time.</summary>
internal sealed class SpireDownstream(SpireOptions options, TimeProvider time, ILogger logger) : IUpstreamAuthority
{
    private readonly SpireServer _server = new(options, time, logger);
    private volatile string? _trustDomain;

    /// <inheritdoc/>
    public string Place => $"The SPIRE server at {_server.Place}";

    /// <inheritdoc/>
    public string? TrustDomain => _trustDomain;

    /// <inheritdoc/>
    public bool IsReplacedByItself => true;

    /// <inheritdoc/>
    public async Task<UpstreamState> ReadAsync(CancellationToken cancellationToken)
    {
        SpireBundle read = SpireBundle.Read(await _server.GetBundleAsync(cancellationToken), time.GetUtcNow());
        if (_trustDomain is { } known && known != read.TrustDomain) throw SpireFailure.OtherTrustDomain(_server.Place, read.TrustDomain, known);
        _trustDomain = read.TrustDomain;

        // Which of its authorities signs the server tells nobody, but which are not to sign any more: what those have certified is to be replaced before they leave the bundle.
        return new(read.Roots, Signer: string.Join(' ', [read.TrustDomain, .. read.Tainted.Order(StringComparer.Ordinal)]));
    }

    /// <inheritdoc/>
    public async Task<ImmutableArray<ReadOnlyMemory<byte>>> CertifyAsync(ECDsa key, string name, TimeSpan lifetime, CancellationToken cancellationToken)
    {
        // The server takes nothing out of it but the key.
        byte[] csr = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256).CreateSigningRequest();
        NewDownstreamX509CAResponse response = await _server.NewDownstreamAsync(csr, lifetime, cancellationToken);
        return [.. response.CaCertChain.Select(c => (ReadOnlyMemory<byte>)c.ToByteArray())];
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _server.DisposeAsync();
}

using Culvert.Core;
using Culvert.NodeAgent.Identity;
using Culvert.Protocol.WorkloadApi;
using Google.Protobuf;

namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>What an application is told of its certificate, and of those that it may believe. Immutable.</summary>
internal sealed record X509State
{
    /// <summary>What there is now.</summary>
    /// <param name="svid">Its certificate and key; null where it asks for roots only.</param>
    /// <param name="bundle">The mesh's trust domain.</param>
    internal X509State(Svid? svid, TrustBundle bundle) => (Svid, Bundle) = (svid, new TrustBundle(bundle.TrustDomain, bundle.Roots));

    /// <summary>Its certificate and key.</summary>
    private Svid? Svid { get; }

    /// <summary>The roots; the keys of tokens are no news here.</summary>
    private TrustBundle Bundle { get; }

    /// <summary>As FetchX509SVID answers.</summary>
    internal X509SVIDResponse ToSvids() => new()
    {
        Svids =
        {
            new X509SVID
            {
                SpiffeId = Svid!.Id.ToString(),
                X509Svid = Join(Svid.Chain.Select(c => new ReadOnlyMemory<byte>(c))),
                X509SvidKey = Svid.PrivateKey.Use(key => ByteString.CopyFrom(key.Span)),
                Bundle = Join(Bundle.Roots),
            },
        },
    };

    /// <summary>As FetchX509Bundles answers.</summary>
    internal X509BundlesResponse ToBundles() => new() { Bundles = { [SpiffeId.SchemePrefix + Bundle.TrustDomain] = Join(Bundle.Roots) } };

    private static ByteString Join(IEnumerable<ReadOnlyMemory<byte>> certificates)
    {
        using MemoryStream joined = new();
        foreach (ReadOnlyMemory<byte> certificate in certificates) joined.Write(certificate.Span);
        return ByteString.CopyFrom(joined.GetBuffer().AsSpan(0, (int)joined.Length));
    }
}

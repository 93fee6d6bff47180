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
    /// <param name="federated">Those that the mesh is federated with; of one that has no roots nothing is told.</param>
    internal X509State(Svid? svid, TrustBundle bundle, EquatableArray<TrustBundle> federated) => (Svid, Bundle, Federated) = (svid, new TrustBundle(bundle.TrustDomain, bundle.Roots), federated.Where(f => !f.Roots.IsEmpty).ToEquatableArray());

    /// <summary>Its certificate and key.</summary>
    private Svid? Svid { get; }

    /// <summary>The roots; the keys of tokens are no news here.</summary>
    private TrustBundle Bundle { get; }

    /// <summary>The roots of other trust domains.</summary>
    private EquatableArray<TrustBundle> Federated { get; }

    /// <summary>As FetchX509SVID answers.</summary>
    internal X509SVIDResponse ToSvids()
    {
        X509SVIDResponse answer = new()
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
        foreach (TrustBundle foreign in Federated) answer.FederatedBundles.Add(NameOf(foreign), Join(foreign.Roots));
        return answer;
    }

    /// <summary>As FetchX509Bundles answers.</summary>
    internal X509BundlesResponse ToBundles()
    {
        X509BundlesResponse answer = new() { Bundles = { [NameOf(Bundle)] = Join(Bundle.Roots) } };
        foreach (TrustBundle foreign in Federated) answer.Bundles.Add(NameOf(foreign), Join(foreign.Roots));
        return answer;
    }

    private static string NameOf(TrustBundle bundle) => SpiffeId.SchemePrefix + bundle.TrustDomain;

    private static ByteString Join(IEnumerable<ReadOnlyMemory<byte>> certificates)
    {
        using MemoryStream joined = new();
        foreach (ReadOnlyMemory<byte> certificate in certificates) joined.Write(certificate.Span);
        return ByteString.CopyFrom(joined.GetBuffer().AsSpan(0, (int)joined.Length));
    }
}

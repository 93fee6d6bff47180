using System.Collections.Immutable;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Culvert.Protocol.WorkloadApi;

namespace Culvert.Protocol.Spiffe;

/// <summary>Reads what the Workload API answers. Pure.</summary>
public static class X509ContextReader
{
    /// <summary>Most certificates of a chain, or of the bundle of who shows a certificate.</summary>
    public const int MostCertificates = 64;

    /// <summary>The default identity of an answer, which is its first; or the first that is wanted.</summary>
    /// <param name="response">The answer.</param>
    /// <param name="isWanted">Which identity is meant; null: the default one.</param>
    /// <exception cref="InvalidDataException">There is none, or it is damaged; the message says what.</exception>
    public static X509Context Read(X509SVIDResponse response, Func<SpiffeId, bool>? isWanted = null)
    {
        ArgumentNullException.ThrowIfNull(response);
        if (response.Svids.Count == 0) throw new InvalidDataException("the Workload API answered without an identity");
        X509SVID svid = isWanted is null
            ? response.Svids[0]
            : response.Svids.FirstOrDefault(s => SpiffeId.TryParse(s.SpiffeId, out SpiffeId? told) && isWanted(told))
                ?? throw new InvalidDataException($"the Workload API answered with other identities than the one that is wanted: {string.Join(", ", response.Svids.Select(s => s.SpiffeId))}");
        if (!SpiffeId.TryParse(svid.SpiffeId, out SpiffeId? id, out string? error)) throw new InvalidDataException($"the Workload API answered with an identity that is none: {error}");
        try
        {
            return Read(svid, id);
        }
        catch (Exception e) when (e is CryptographicException or AsnContentException)
        {
            throw new InvalidDataException($"what the Workload API answered for {id} is damaged: {e.Message}", e);
        }
    }

    /// <summary>The certificates that stand one after the other.</summary>
    /// <param name="concatenated">DER.</param>
    /// <param name="most">How many there may be.</param>
    /// <exception cref="AsnContentException">Something else stands there.</exception>
    /// <exception cref="InvalidDataException">They are more than a chain or a bundle can have.</exception>
    public static ImmutableArray<ReadOnlyMemory<byte>> Split(ReadOnlyMemory<byte> concatenated, int most = MostCertificates)
    {
        ImmutableArray<ReadOnlyMemory<byte>>.Builder found = ImmutableArray.CreateBuilder<ReadOnlyMemory<byte>>();
        while (!concatenated.IsEmpty)
        {
            if (found.Count == most) throw new InvalidDataException($"more than {most} certificates stand together");
            AsnDecoder.ReadEncodedValue(concatenated.Span, AsnEncodingRules.DER, out _, out _, out int read);
            found.Add(concatenated[..read]);
            concatenated = concatenated[read..];
        }
        return found.ToImmutable();
    }

    private static X509Context Read(X509SVID svid, SpiffeId id)
    {
        ImmutableArray<ReadOnlyMemory<byte>> chain = Split(svid.X509Svid.ToByteArray());
        if (chain.IsEmpty) throw new InvalidDataException($"the Workload API answered without a certificate for {id}");
        using X509Certificate2 leaf = X509CertificateLoader.LoadCertificate(chain[0].Span);
        if (!SvidReader.TryRead(leaf, out SpiffeId? certified) || certified != id)
            throw new InvalidDataException($"the Workload API answered with a certificate of {certified?.ToString() ?? "no identity"} for {id}");
        X509Certificate2Collection intermediates = [.. chain.Skip(1).Select(c => X509CertificateLoader.LoadCertificate(c.Span))];
        return new(id, new(CertificateKey.Join(leaf, svid.X509SvidKey.Span), intermediates), new(leaf.NotAfter.ToUniversalTime()), Split(svid.Bundle.ToByteArray()));
    }
}

using System.Collections.Immutable;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;

namespace Culvert.Controller.Identity.Revocation;

/// <summary>A certificate revocation list (RFC 5280, section 5): a whole one, of what its issuer itself has signed. Immutable.</summary>
internal sealed class RevocationList
{
    private const string ReasonCode = "2.5.29.21";
    private const int Version2 = 1;

    private static readonly Dictionary<string, (bool IsRsa, HashAlgorithmName Hash)> Algorithms = new(StringComparer.Ordinal)
    {
        ["1.2.840.10045.4.3.2"] = (false, HashAlgorithmName.SHA256),
        ["1.2.840.10045.4.3.3"] = (false, HashAlgorithmName.SHA384),
        ["1.2.840.10045.4.3.4"] = (false, HashAlgorithmName.SHA512),
        ["1.2.840.113549.1.1.11"] = (true, HashAlgorithmName.SHA256),
        ["1.2.840.113549.1.1.12"] = (true, HashAlgorithmName.SHA384),
        ["1.2.840.113549.1.1.13"] = (true, HashAlgorithmName.SHA512),
    };

    // Of the list: its number and its issuer's key, which say nothing of what is revoked. Of an entry: why, and since when the key is somebody else's.
    private static readonly HashSet<string> Harmless = new(["2.5.29.20", "2.5.29.35", ReasonCode, "2.5.29.24"], StringComparer.Ordinal);

    private static readonly Asn1Tag Extensions = new(TagClass.ContextSpecific, 0);

    private readonly ReadOnlyMemory<byte> _signed;
    private readonly byte[] _signature;
    private readonly string _algorithm;

    private RevocationList(ReadOnlyMemory<byte> signed, string algorithm, byte[] signature, Contents contents)
    {
        (_signed, _algorithm, _signature) = (signed, algorithm, signature);
        (Issuer, ThisUpdate, NextUpdate, Serials) = contents;
    }

    /// <summary>Who has issued it.</summary>
    public X500DistinguishedName Issuer { get; }

    /// <summary>When it was issued.</summary>
    public DateTimeOffset ThisUpdate { get; }

    /// <summary>Whether both are lists of one issuer.</summary>
    public bool IsOfIssuerOf(RevocationList other) => Issuer.RawData.AsSpan().SequenceEqual(other.Issuer.RawData);

    /// <summary>When another one is issued at the latest; null: it does not say.</summary>
    public DateTimeOffset? NextUpdate { get; }

    /// <summary>Serial numbers of the certificates of the issuer that are revoked.</summary>
    public ImmutableArray<CertificateSerial> Serials { get; }

    /// <summary>Reads a list. Its signature is not checked.</summary>
    /// <param name="der">DER, at most as many entries as <see cref="RevokedCredentials.MostListed"/>.</param>
    /// <exception cref="InvalidDataException">It is none, or one that would not be understood; the message completes a sentence that begins with the list.</exception>
    public static RevocationList Read(ReadOnlyMemory<byte> der)
    {
        try
        {
            AsnReader all = new(der, AsnEncodingRules.DER);
            AsnReader parts = all.ReadSequence();
            all.ThrowIfNotEmpty();
            ReadOnlyMemory<byte> signed = parts.PeekEncodedValue();
            AsnReader list = parts.ReadSequence();
            ReadOnlyMemory<byte> algorithm = parts.ReadEncodedValue();
            byte[] signature = parts.ReadBitString(out int unused);
            parts.ThrowIfNotEmpty();
            if (unused != 0) throw new InvalidDataException("has a signature that is no whole number of octets");
            string oid = new AsnReader(algorithm, AsnEncodingRules.DER).ReadSequence().ReadObjectIdentifier();
            if (!Algorithms.ContainsKey(oid)) throw new InvalidDataException($"is signed by an algorithm that is not taken ({oid}); ECDSA and RSA (PKCS#1) with SHA-256, SHA-384 and SHA-512 are");
            return new(signed, oid, signature, ReadContents(list, algorithm));
        }
        catch (Exception e) when (e is AsnContentException or CryptographicException)
        {
            throw new InvalidDataException($"is no revocation list in DER: {e.Message}", e);
        }
    }

    /// <summary>Whether a certificate is its issuer's: it has the name, is an authority's that may issue lists (RFC 5280, section 6.3.3), and its key has signed.</summary>
    public bool IsBy(X509Certificate2 certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        if (!certificate.SubjectName.RawData.AsSpan().SequenceEqual(Issuer.RawData)) return false;
        if (certificate.Extensions.OfType<X509BasicConstraintsExtension>().FirstOrDefault() is not { CertificateAuthority: true }) return false;
        if (certificate.Extensions.OfType<X509KeyUsageExtension>().FirstOrDefault() is { } usage && !usage.KeyUsages.HasFlag(X509KeyUsageFlags.CrlSign)) return false;
        (bool isRsa, HashAlgorithmName hash) = Algorithms[_algorithm];
        if (isRsa)
        {
            using RSA? rsa = certificate.GetRSAPublicKey();
            return rsa?.VerifyData(_signed.Span, _signature, hash, RSASignaturePadding.Pkcs1) == true;
        }
        using ECDsa? ec = certificate.GetECDsaPublicKey();
        return ec?.VerifyData(_signed.Span, _signature, hash, DSASignatureFormat.Rfc3279DerSequence) == true;
    }

    private static Contents ReadContents(AsnReader list, ReadOnlyMemory<byte> algorithm)
    {
        if (list.PeekTag().HasSameClassAndValue(Asn1Tag.Integer) && (!list.TryReadInt32(out int version) || version != Version2)) throw new InvalidDataException("is of an unknown version");
        if (!list.ReadEncodedValue().Span.SequenceEqual(algorithm.Span)) throw new InvalidDataException("names two algorithms of its signature");
        X500DistinguishedName issuer = new(list.ReadEncodedValue().Span);
        DateTimeOffset issued = ReadTime(list);
        DateTimeOffset? next = list.HasData && IsTime(list) ? ReadTime(list) : null;
        ImmutableArray<CertificateSerial> serials = list.HasData && list.PeekTag().HasSameClassAndValue(Asn1Tag.Sequence) ? ReadEntries(list.ReadSequence()) : [];
        if (list.HasData) RequireHarmless(list.ReadSequence(Extensions).ReadSequence());
        list.ThrowIfNotEmpty();
        return new(issuer, issued, next, serials);
    }

    private static ImmutableArray<CertificateSerial> ReadEntries(AsnReader entries)
    {
        ImmutableArray<CertificateSerial>.Builder serials = ImmutableArray.CreateBuilder<CertificateSerial>();
        while (entries.HasData)
        {
            if (serials.Count == RevokedCredentials.MostListed) throw new InvalidDataException($"names more than {RevokedCredentials.MostListed} certificates");
            AsnReader entry = entries.ReadSequence();
            serials.Add(ReadSerial(entry));
            ReadTime(entry);
            if (entry.HasData) RequireHarmless(entry.ReadSequence());
            entry.ThrowIfNotEmpty();
        }
        return serials.ToImmutable();
    }

    // Nodes are told of such as certificates may have only (RFC 5280, 4.1.2.2).
    private static CertificateSerial ReadSerial(AsnReader entry)
    {
        CertificateSerial serial = CertificateSerial.Of(entry.ReadIntegerBytes().Span);
        return CertificateSerial.TryParse(serial.ToString(), out _, out _) ? serial : throw new InvalidDataException($"names a certificate with the serial number {serial}; 1 to {CertificateSerial.MaxOctets} octets are taken");
    }

    /// <summary>What is critical changes what the list means: that it is of changes only, or that entries are another issuer's.</summary>
    private static void RequireHarmless(AsnReader extensions)
    {
        while (extensions.HasData)
        {
            AsnReader extension = extensions.ReadSequence();
            string oid = extension.ReadObjectIdentifier();
            if (extension.PeekTag().HasSameClassAndValue(Asn1Tag.Boolean) && extension.ReadBoolean() && !Harmless.Contains(oid))
                throw new InvalidDataException($"has the critical extension {oid}, which is not taken: whole lists of what their issuer itself has signed are");
        }
    }

    private static bool IsTime(AsnReader list) => list.PeekTag() is var tag && (tag.HasSameClassAndValue(Asn1Tag.UtcTime) || tag.HasSameClassAndValue(Asn1Tag.GeneralizedTime));

    private static DateTimeOffset ReadTime(AsnReader list) => list.PeekTag().HasSameClassAndValue(Asn1Tag.UtcTime) ? list.ReadUtcTime() : list.ReadGeneralizedTime();

    private sealed record Contents(X500DistinguishedName Issuer, DateTimeOffset ThisUpdate, DateTimeOffset? NextUpdate, ImmutableArray<CertificateSerial> Serials);
}

using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Culvert.Protocol;

/// <summary>The path from a certificate to one of given roots, by which nothing else is believed (RFC 5280, section 6). Not thread-safe.</summary>
public sealed class RootsChain : IDisposable
{
    private readonly X509Chain _chain;
    private readonly List<X509Certificate2> _added = [];

    /// <summary>Prepares one.</summary>
    /// <param name="roots">DER.</param>
    /// <param name="at">When all certificates of it have to be valid.</param>
    /// <param name="purpose">What they have to be good for, one of <see cref="KeyPurposes"/>; null: anything.</param>
    /// <exception cref="CryptographicException">A root is no certificate.</exception>
    public RootsChain(IEnumerable<ReadOnlyMemory<byte>> roots, DateTimeOffset at, string? purpose = null)
    {
        X509ChainPolicy policy = RootsPolicy.Create(roots, at, purpose);
        _chain = new() { ChainPolicy = policy };
    }

    /// <summary>Whether one is found also where a certificate of it is not valid at the time.</summary>
    public bool IgnoresDates
    {
        init => _chain.ChainPolicy.VerificationFlags = value ? X509VerificationFlags.IgnoreNotTimeValid : X509VerificationFlags.NoFlag;
    }

    /// <summary>What was found, the certificate first; as far as it leads, where it leads to no root. The certificates are good until this is disposed of.</summary>
    public IReadOnlyList<X509ChainElement> Elements => [.. _chain.ChainElements];

    /// <summary>What is wrong with the whole; nothing where it leads to a root.</summary>
    public IReadOnlyList<X509ChainStatus> Problems => _chain.ChainStatus;

    /// <summary>What is wrong, for people: without a full stop.</summary>
    public static string TextOf(X509ChainStatus problem) => problem.StatusInformation.Trim().TrimEnd('.');

    /// <summary>Adds certificates that may lead on.</summary>
    /// <param name="certificates">DER.</param>
    /// <exception cref="CryptographicException">One is no certificate.</exception>
    public void Add(IEnumerable<ReadOnlyMemory<byte>> certificates)
    {
        ArgumentNullException.ThrowIfNull(certificates);
        foreach (ReadOnlyMemory<byte> certificate in certificates)
        {
            _added.Add(X509CertificateLoader.LoadCertificate(certificate.Span));
            _chain.ChainPolicy.ExtraStore.Add(_added[^1]);
        }
    }

    /// <summary>Adds certificates that may lead on, and stay their owner's.</summary>
    public void Add(X509Certificate2Collection certificates) => _chain.ChainPolicy.ExtraStore.AddRange(certificates);

    /// <summary>Whether the certificate leads to a root.</summary>
    public bool Build(X509Certificate2 certificate) => _chain.Build(certificate);

    /// <summary>Disposes of all that was found, and of the roots.</summary>
    public void Dispose()
    {
        foreach (X509Certificate2 certificate in _chain.ChainElements.Select(e => e.Certificate).Concat(_chain.ChainPolicy.CustomTrustStore).Concat(_added)) certificate.Dispose();
        _chain.Dispose();
    }
}

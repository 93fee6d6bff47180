using System.Collections.Immutable;

namespace Culvert.Controller.Identity;

/// <summary>Signs certificates: built in, or one of the authorities outside. Implementations are safe for any number of threads.</summary>
public interface ICertificateAuthority
{
    /// <summary>Root certificates in DER that all valid certificates lead to, oldest first.</summary>
    ImmutableArray<ReadOnlyMemory<byte>> Roots { get; }

    /// <summary>Raised after <see cref="Roots"/> has changed, on any thread.</summary>
    event Action? RootsChanged;

    /// <summary>Signs a certificate.</summary>
    /// <exception cref="CertificateRefusedException">The request breaks a rule; the message says which.</exception>
    Task<IssuedCertificate> SignAsync(SigningRequest request, CancellationToken cancellationToken);
}

using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Culvert.Controller.Identity.BuiltIn;

/// <summary>The authority that signs leaves; lives in memory only.</summary>
internal sealed class Intermediate(X509Certificate2 certificate, ECDsa key, DateTimeOffset renewAt) : IDisposable
{
    public X509Certificate2 Certificate { get; } = certificate;

    public ECDsa Key { get; } = key;

    /// <summary>From then on another takes over.</summary>
    public DateTimeOffset RenewAt { get; } = renewAt;

    public DateTimeOffset NotAfter => new(Certificate.NotAfter.ToUniversalTime());

    public void Dispose()
    {
        Certificate.Dispose();
        Key.Dispose();
    }
}

using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Culvert.Controller.Identity;

/// <summary>A root with its key.</summary>
internal sealed class Root(RootRecord record, X509Certificate2 certificate, ECDsa key) : IDisposable
{
    public RootRecord Record { get; set; } = record;

    public X509Certificate2 Certificate { get; } = certificate;

    public ECDsa Key { get; } = key;

    public DateTimeOffset NotAfter => new(Certificate.NotAfter.ToUniversalTime());

    public void Dispose()
    {
        Certificate.Dispose();
        Key.Dispose();
    }
}

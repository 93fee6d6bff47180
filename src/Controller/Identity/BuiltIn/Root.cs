using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Culvert.Controller.Identity.BuiltIn;

/// <summary>A root with its key.</summary>
internal sealed class Root(RootRecord record, X509Certificate2 certificate, ECDsa key, X509Certificate2? cross) : IDisposable
{
    public RootRecord Record { get; set; } = record;

    public X509Certificate2 Certificate { get; } = certificate;

    public ECDsa Key { get; } = key;

    /// <summary>The root's key certified by the root before it; null for the first.</summary>
    public X509Certificate2? Cross { get; set; } = cross;

    public DateTimeOffset NotAfter => new(Certificate.NotAfter.ToUniversalTime());

    public void Dispose()
    {
        Certificate.Dispose();
        Cross?.Dispose();
        Key.Dispose();
    }
}

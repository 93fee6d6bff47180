using System.Security.Cryptography.X509Certificates;

namespace Culvert.Controller.Identity.BuiltIn;

/// <summary>A root that has left the bundle: what nodes that were away still know it by. Its key is gone.</summary>
internal sealed class RetiredRoot(RootRecord record, X509Certificate2 certificate, X509Certificate2? cross) : IDisposable
{
    public RootRecord Record { get; } = record;

    public X509Certificate2 Certificate { get; } = certificate;

    /// <summary>The root's key certified by the root before it; null for none.</summary>
    public X509Certificate2? Cross { get; } = cross;

    public void Dispose()
    {
        Certificate.Dispose();
        Cross?.Dispose();
    }
}

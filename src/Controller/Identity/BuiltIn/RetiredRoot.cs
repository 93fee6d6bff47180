using System.Security.Cryptography.X509Certificates;

namespace Culvert.Controller.Identity.BuiltIn;

/// <summary>A root that has left the bundle: what nodes that were away still know it by. Its key is gone. Immutable; what it holds belongs to the <see cref="RootSet"/> that it is in.</summary>
/// <param name="record">What is kept of it besides.</param>
/// <param name="certificate">The certificate.</param>
/// <param name="cross">The root's key certified by the root before it; null for none.</param>
internal sealed class RetiredRoot(RootRecord record, X509Certificate2 certificate, X509Certificate2? cross)
{
    public RootRecord Record { get; } = record;

    public X509Certificate2 Certificate { get; } = certificate;

    public X509Certificate2? Cross { get; } = cross;

    /// <summary>A root without its key.</summary>
    public static RetiredRoot Of(Root root, RootRecord record) => new(record, X509CertificateLoader.LoadCertificate(root.Certificate.RawData), root.Cross);

    /// <summary>The same root with another record.</summary>
    public RetiredRoot With(RootRecord other) => new(other, Certificate, Cross);
}

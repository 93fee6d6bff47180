using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Culvert.Controller.Identity.BuiltIn;

/// <summary>A root with its key. Immutable; what it holds belongs to the <see cref="RootSet"/> that it is in.</summary>
/// <param name="record">What is kept of it besides.</param>
/// <param name="certificate">The certificate.</param>
/// <param name="key">Its key.</param>
/// <param name="cross">The root's key certified by the root before it; null for the first.</param>
/// <param name="jwt">The key for tokens that is derived from its key; null: it is derived now.</param>
internal sealed class Root(RootRecord record, X509Certificate2 certificate, ECDsa key, X509Certificate2? cross, JwtSigningKey? jwt = null)
{
    public RootRecord Record { get; } = record;

    public X509Certificate2 Certificate { get; } = certificate;

    public ECDsa Key { get; } = key;

    public X509Certificate2? Cross { get; } = cross;

    /// <summary>What signs tokens while it signs certificates.</summary>
    public JwtSigningKey Jwt { get; } = jwt ?? JwtSigningKey.Of(key);

    public DateTimeOffset NotAfter => new(Certificate.NotAfter.ToUniversalTime());

    /// <summary>From then on another root is made, which takes over: a tenth of its time before its end.</summary>
    public DateTimeOffset RenewAt => NotAfter - ((NotAfter - new DateTimeOffset(Certificate.NotBefore.ToUniversalTime())) / 10);

    /// <summary>The same root with another record.</summary>
    public Root With(RootRecord other) => new(other, Certificate, Key, Cross, Jwt);

    /// <summary>The same root, certified by another one before it.</summary>
    public Root WithCross(X509Certificate2? other) => new(Record, Certificate, Key, other, Jwt);
}

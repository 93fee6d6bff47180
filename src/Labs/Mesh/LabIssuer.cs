using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Culvert.Labs.Mesh;

/// <summary>An issuer of tokens (JWT, ES256) with a key of its own. Not thread-safe.</summary>
/// <param name="name">Its name.</param>
internal sealed class LabIssuer(string name) : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    /// <summary>Its public key, as a set of keys (RFC 7517).</summary>
    public string Keys
    {
        get
        {
            ECPoint point = _key.ExportParameters(includePrivateParameters: false).Q;
            return $$$"""{"keys":[{"kty":"EC","crv":"P-256","x":"{{{Base64Url.EncodeToString(point.X)}}}","y":"{{{Base64Url.EncodeToString(point.Y)}}}"}]}""";
        }
    }

    /// <summary>A token that is good for an hour.</summary>
    /// <param name="subject">Whose it is.</param>
    public string TokenOf(string subject)
    {
        string head = Base64Url.EncodeToString("""{"alg":"ES256"}"""u8);
        string claims = Base64Url.EncodeToString(Encoding.UTF8.GetBytes(string.Create(
            CultureInfo.InvariantCulture, $$"""{"iss":"{{name}}","sub":"{{subject}}","exp":{{TimeProvider.System.GetUtcNow().AddHours(1).ToUnixTimeSeconds()}}}""")));
        return $"{head}.{claims}.{Base64Url.EncodeToString(_key.SignData(Encoding.ASCII.GetBytes($"{head}.{claims}"), HashAlgorithmName.SHA256))}";
    }

    /// <inheritdoc/>
    public void Dispose() => _key.Dispose();
}

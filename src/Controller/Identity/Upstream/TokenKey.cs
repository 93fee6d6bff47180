using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Culvert.Controller.Identity.Upstream;

/// <summary>
/// The key of an authority in a token, as in a hardware security module, which signs with it and does not give it out. A provider of OpenSSL asks the token. Opened when it is needed first, and held: each opening is a login, and
/// tokens lock themselves after a few with a wrong PIN. One caller at a time.
/// </summary>
/// <param name="provider">OpenSSL's name of the provider: <see cref="Pkcs11"/>.</param>
/// <param name="uri">Which key it is; of PKCS #11 as RFC 7512 has it.</param>
/// <param name="time">The clock.</param>
internal sealed class TokenKey(string provider, string uri, TimeProvider time) : IDisposable
{
    /// <summary>After a failure the token is left alone for this long, unless the file of its PIN changes, or the certificate does.</summary>
    internal static readonly TimeSpan Pause = TimeSpan.FromMinutes(10);

    /// <summary>The provider of keys in tokens.</summary>
    public const string Pkcs11 = "pkcs11";

    // Each is of a library context of its own, and OpenSSL 3.0 crashes at the end of a thread that has used one which another thread has freed. They are few: after each failure there is a pause.
    private static readonly ConcurrentBag<SafeEvpPKeyHandle> NeverFreed = [];

    private static readonly string TriedAgain = $" The token is tried again {Pause.TotalMinutes} minutes after the last time, or when the file of its PIN or the certificate changes.";

    private const string Scheme = Pkcs11 + ":", PinSource = "pin-source=", FileScheme = "file:";

    private SafeEvpPKeyHandle? _handle;

    // Of the certificate, by its thumbprint.
    private string? _provenFor;
    private (DateTime PinChangedAt, string Certificate) _asked;
    private (AuthorityException Failure, DateTimeOffset Until, (DateTime PinChangedAt, string Certificate) Asked)? _pause;

    /// <summary>Whether a key is in a token, and not in a file.</summary>
    public static bool IsUri(string key) => key.StartsWith(Scheme, StringComparison.Ordinal);

    /// <summary>What keeps a URI from being used; it continues the URI's name. Null: nothing.</summary>
    public static string? FindProblem(string uri)
    {
        if (uri.Contains("pin-value=", StringComparison.Ordinal)) return "has a PIN in it that everybody on the machine can see: put it into a file, and name that by ?pin-source=file:/PATH";
        if (uri.Length == Scheme.Length || uri[Scheme.Length] == '?') return "names no key: it takes pkcs11:token=NAME;object=NAME;type=private (RFC 7512)";
        return PinFileOf(uri) is { } pin && !Path.IsPathFullyQualified(pin) ? "has a pin-source that is no absolute path of a file" : null;
    }

    /// <summary>The key, to be disposed of by the caller.</summary>
    /// <param name="options">Where the certificate is, for messages.</param>
    /// <param name="certificate">The certificate.</param>
    /// <exception cref="InvalidDataException">The certificate's key is of a kind that is not taken.</exception>
    /// <exception cref="AuthorityException">It can't be opened.</exception>
    public AsymmetricAlgorithm Open(DiskOptions options, X509Certificate2 certificate)
    {
        bool isOfCurve = AuthorityRules.IsOfCurve(options.Certificate, certificate);
        DateTime pinChangedAt = default;
        if (PinFileOf(uri) is { } pin)
        {
            SecretFile.RequirePrivate(pin);
            pinChangedAt = File.GetLastWriteTimeUtc(pin);
        }
        _asked = (pinChangedAt, certificate.Thumbprint);
        if (_pause is { } pause && pause.Asked == _asked && time.GetUtcNow() < pause.Until) throw new AuthorityException(pause.Failure.Reason, pause.Failure.Message, pause.Failure);
        _pause = null;
        AsymmetricAlgorithm? key = null;
        try
        {
            _handle ??= SafeEvpPKeyHandle.OpenKeyFromProvider(provider, uri);
            key = isOfCurve ? new ECDsaOpenSsl(_handle) : new RSAOpenSsl(_handle);
            if (_provenFor != certificate.Thumbprint && !IsOf(certificate, key)) throw new AuthorityException(AuthorityFailure.Misconfigured, $"{uri} is not the key of {options.Certificate} ({certificate.Subject}).{TriedAgain}");
            _provenFor = certificate.Thumbprint;
            return key;
        }
        catch (Exception e) when (e is CryptographicException or AuthorityException)
        {
            key?.Dispose();
            AuthorityException failure = e as AuthorityException ?? new(
                AuthorityFailure.Unavailable,
                $"The key {uri} can't be used: {e.Message}. OpenSSL has to have its provider {provider}, that the token's module (PKCS11_PROVIDER_MODULE), and the token a key of that name and kind; and the PIN has to be right.{TriedAgain}",
                e);
            LeaveAlone(failure);
            throw failure;
        }
    }

    /// <summary>After a failure: has it opened again the next time, but for a while.</summary>
    /// <param name="failure">What is said meanwhile.</param>
    public void LeaveAlone(AuthorityException failure)
    {
        Dispose();
        _pause = (failure, time.GetUtcNow() + Pause, _asked);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_handle is not null) NeverFreed.Add(_handle);
        (_handle, _provenFor) = (null, null);
    }

    // A token need not tell the public key, so that it signs.
    private static bool IsOf(X509Certificate2 certificate, AsymmetricAlgorithm key)
    {
        byte[] asked = RandomNumberGenerator.GetBytes(32);
        if (key is ECDsa curve)
        {
            using ECDsa? known = certificate.GetECDsaPublicKey();
            return known is not null && known.VerifyData(asked, curve.SignData(asked, HashAlgorithmName.SHA256), HashAlgorithmName.SHA256);
        }
        using RSA? other = certificate.GetRSAPublicKey();
        return other is not null && other.VerifyData(asked, ((RSA)key).SignData(asked, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
    }

    private static string? PinFileOf(string uri)
    {
        int query = uri.IndexOf('?', StringComparison.Ordinal);
        string? source = query < 0 ? null : uri[(query + 1)..].Split('&').FirstOrDefault(a => a.StartsWith(PinSource, StringComparison.Ordinal))?[PinSource.Length..];
        if (source is null) return null;
        string path = Uri.UnescapeDataString(source);
        return path.StartsWith(FileScheme, StringComparison.Ordinal) ? path[FileScheme.Length..] : path;
    }
}

using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Culvert.Protocol;

namespace Culvert.Controller.Identity.Upstream.Vault;

/// <summary>
/// An authority in the PKI secrets engine of Vault, by its default issuer (<c>root/sign-intermediate</c>). Roots are those issuers of the engine that are roots, which anybody may ask for, or those of a file. Called by one at a time.
/// </summary>
internal sealed class VaultAuthority : IUpstreamAuthority
{
    private const int MostIssuers = 64;

    // Vault refuses what would end after its issuer, and clocks differ.
    private static readonly TimeSpan Margin = TimeSpan.FromMinutes(1);

    private readonly VaultOptions _options;
    private readonly VaultClient _client;
    private readonly VaultSession _session;
    private readonly TimeProvider _time;

    public VaultAuthority(VaultOptions options, TimeProvider time)
    {
        (_options, _time) = (options, time);
        _client = new(options);
        _session = new(_client, options.Login, time);
    }

    /// <inheritdoc/>
    public string Place => $"The authority at {_options.Pki} of Vault at {_client.Place}";

    /// <inheritdoc/>
    public string? TrustDomain => null;

    /// <inheritdoc/>
    public async Task<UpstreamState> ReadAsync(CancellationToken cancellationToken)
    {
        await _session.KeepAsync(cancellationToken);
        Issuer signer = await ReadIssuerAsync("default", cancellationToken);
        ImmutableArray<ReadOnlyMemory<byte>> roots = _options.Roots is { } file ? await PemFile.ReadRootsAsync(file, cancellationToken) : await ReadRootsAsync(cancellationToken);
        if (roots.IsEmpty) throw new AuthorityException(AuthorityFailure.Misconfigured, $"{Place} has no issuer that is a root: name a file with the roots, by --upstream-roots.");
        return new(roots, CertificateFingerprint.Of(signer.Certificate));
    }

    /// <inheritdoc/>
    public async Task<ImmutableArray<ReadOnlyMemory<byte>>> CertifyAsync(ECDsa key, string name, TimeSpan lifetime, CancellationToken cancellationToken)
    {
        Issuer signer = await ReadIssuerAsync("default", cancellationToken);
        TimeSpan left = signer.NotAfter - _time.GetUtcNow() - Margin, ttl = lifetime < left ? lifetime : left;
        if (ttl <= TimeSpan.Zero) throw new AuthorityException(AuthorityFailure.Misconfigured, $"{Place} certifies nothing, as its default issuer ends at {signer.NotAfter:u}: make another one the default.");
        Dictionary<string, object> body = new(StringComparer.Ordinal)
        {
            ["csr"] = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256).CreateSigningRequestPem(),
            ["common_name"] = name,
            ["exclude_cn_from_sans"] = true,
            ["max_path_length"] = 0,
            ["format"] = "pem",
            ["ttl"] = string.Create(CultureInfo.InvariantCulture, $"{(long)ttl.TotalSeconds}s"),
        };
        string path = $"{_options.Pki}/root/sign-intermediate";
        try
        {
            using JsonDocument answer = await _session.CallAsync("POST", path, body, cancellationToken);
            JsonElement data = answer.RootElement.GetProperty("data");
            ImmutableArray<ReadOnlyMemory<byte>> above = CertificatesOf(data, "ca_chain") is { IsEmpty: false } chain ? chain : CertificatesOf(data, "issuing_ca");
            return [.. CertificatesOf(data, "certificate"), .. above.Where(c => !PemFile.IsRoot(c))];
        }
        catch (VaultRefusal e)
        {
            throw e.ToFailure(e.Status == HttpStatusCode.Forbidden ? $"The token's policy needs: path \"{path}\" {{ capabilities = [\"update\"] }}." : "");
        }
        catch (Exception e) when (IsOddity(e))
        {
            throw _client.NotUnderstood(path, e);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task<ImmutableArray<ReadOnlyMemory<byte>>> ReadRootsAsync(CancellationToken cancellationToken)
    {
        string path = $"{_options.Pki}/issuers";
        string[] ids;
        try
        {
            using JsonDocument answer = await _client.CallAsync("LIST", path, null, null, cancellationToken);
            ids = [.. answer.RootElement.GetProperty("data").GetProperty("keys").EnumerateArray().Select(k => k.GetString()!)];
        }
        catch (VaultRefusal e)
        {
            throw e.ToFailure("Servers before 1.11 don't tell their issuers: name a file with the roots, by --upstream-roots.");
        }
        catch (Exception e) when (IsOddity(e))
        {
            throw _client.NotUnderstood(path, e);
        }
        if (ids.Length > MostIssuers) throw new AuthorityException(AuthorityFailure.Misconfigured, $"{Place} has {ids.Length} issuers, and {MostIssuers} are the most: name a file with the roots, by --upstream-roots.");
        List<ReadOnlyMemory<byte>> roots = [];
        foreach (string id in ids)
        {
            Issuer issuer = await ReadIssuerAsync(Uri.EscapeDataString(id), cancellationToken);
            if (PemFile.IsRoot(issuer.Certificate) && issuer.NotAfter > _time.GetUtcNow()) roots.Add(issuer.Certificate);
        }
        return [.. roots.DistinctBy(CertificateFingerprint.Of)];
    }

    private async Task<Issuer> ReadIssuerAsync(string reference, CancellationToken cancellationToken)
    {
        string path = $"{_options.Pki}/issuer/{reference}/json";
        try
        {
            using JsonDocument answer = await _client.CallAsync("GET", path, null, null, cancellationToken);
            ReadOnlyMemory<byte> certificate = CertificatesOf(answer.RootElement.GetProperty("data"), "certificate").First();
            using X509Certificate2 read = X509CertificateLoader.LoadCertificate(certificate.Span);
            return new(certificate, new(read.NotAfter.ToUniversalTime()));
        }
        catch (VaultRefusal e)
        {
            throw e.ToFailure($"Is a PKI secrets engine mounted at '{_options.Pki}' (--vault-pki), with a default issuer?");
        }
        catch (Exception e) when (IsOddity(e))
        {
            throw _client.NotUnderstood(path, e);
        }
    }

    /// <summary>A field of one PEM, or of several.</summary>
    private static ImmutableArray<ReadOnlyMemory<byte>> CertificatesOf(JsonElement data, string field)
    {
        if (!data.TryGetProperty(field, out JsonElement value) || value.ValueKind == JsonValueKind.Null) return [];
        return value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().SelectMany(v => PemFile.Certificates(v.GetString()!))] : PemFile.Certificates(value.GetString()!);
    }

    private static bool IsOddity(Exception e) => e is KeyNotFoundException or InvalidOperationException or CryptographicException;

    private sealed record Issuer(ReadOnlyMemory<byte> Certificate, DateTimeOffset NotAfter);
}

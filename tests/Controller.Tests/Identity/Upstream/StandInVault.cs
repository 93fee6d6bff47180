using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Tests.Identity.Upstream;

/// <summary>Stands in for Vault: the parts of its HTTP API that the controller calls, with its statuses, errors and forms.</summary>
internal sealed class StandInVault : IAsyncDisposable
{
    public const string RoleId = "role-id", SecretId = "secret-id", PodRole = "culvert", PodToken = "header.payload.signature";

    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, bool> _tokens = new(StringComparer.Ordinal);
    private readonly X509Certificate2? _certificate;
    private int _logins;
    private int _renewals;

    private StandInVault(CaFiles? tls)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        _certificate = tls is null ? null : Certify(tls);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, o =>
        {
            if (_certificate is not null) o.UseHttps(_certificate);
        }));
        _app = builder.Build();
        _app.Run(ServeAsync);
    }

    public Uri Address => new(_app.Urls.First());

    /// <summary>The engine's issuers by their IDs.</summary>
    public ConcurrentDictionary<string, CaFiles> Issuers { get; } = new(StringComparer.Ordinal);

    /// <summary>The ID of the issuer that signs.</summary>
    public string Default { get; set; } = "one";

    public bool IsSealed { get; set; }

    /// <summary>Whether the tokens' policy lets them have something signed.</summary>
    public bool IsAllowed { get; set; } = true;

    /// <summary>Seconds that a token lives; 0: for ever.</summary>
    public int TokenSeconds { get; set; } = 3600;

    public bool IsRenewable { get; set; } = true;

    /// <summary>What a renewal of a token is answered with in place of it; 0: it is renewed.</summary>
    public int RenewalStatus { get; set; }

    /// <summary>In place of an answer; null: it answers itself.</summary>
    public string? Oddity { get; set; }

    public int Logins => Volatile.Read(ref _logins);

    public int Renewals => Volatile.Read(ref _renewals);

    public static async Task<StandInVault> StartAsync(CaFiles? tls = null)
    {
        StandInVault vault = new(tls);
        await vault._app.StartAsync();
        return vault;
    }

    /// <summary>A token as an operator makes it.</summary>
    public string Issue()
    {
        string token = $"hvs.{Guid.NewGuid():N}";
        _tokens[token] = true;
        return token;
    }

    /// <summary>No token is one any more.</summary>
    public void RevokeTokens() => _tokens.Clear();

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _certificate?.Dispose();
    }

    private static X509Certificate2 Certify(CaFiles issuer)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=vault", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        DateTimeOffset now = DateTimeOffset.UtcNow;
        using X509Certificate2 leaf = request.Create(issuer.Certificate.SubjectName, X509SignatureGenerator.CreateForECDsa((ECDsa)issuer.Key), now.AddHours(-1), now.AddHours(1), RandomNumberGenerator.GetBytes(8));
        using X509Certificate2 whole = leaf.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pkcs12), null);
    }

    private async Task ServeAsync(HttpContext context)
    {
        if (Oddity is { } oddity)
        {
            await context.Response.WriteAsync(oddity);
            return;
        }
        (int status, JsonNode answer) = IsSealed ? Errors(503, "Vault is sealed") : await AnswerAsync(context.Request);
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(answer.ToJsonString());
    }

    private async Task<(int Status, JsonNode Answer)> AnswerAsync(HttpRequest request)
    {
        string path = request.Path.Value!["/v1/".Length..];
        JsonNode? body = request.ContentLength > 0 ? await JsonNode.ParseAsync(request.Body) : null;
        string token = request.Headers["X-Vault-Token"].ToString();
        return (request.Method, path) switch
        {
            ("LIST", "pki/issuers") => (200, Data(new JsonObject { ["keys"] = new JsonArray([.. Issuers.Keys.Select(k => (JsonNode)k)]) })),
            ("GET", _) when path.StartsWith("pki/issuer/", StringComparison.Ordinal) => IssuerOf(path.Split('/')[2]),
            ("POST", "auth/approle/login") => body!["role_id"]!.GetValue<string>() == RoleId && body["secret_id"]!.GetValue<string>() == SecretId ? LogIn() : Errors(400, "invalid role or secret ID"),
            ("POST", "auth/kubernetes/login") => body!["role"]!.GetValue<string>() == PodRole && body["jwt"]!.GetValue<string>() == PodToken ? LogIn() : Errors(403, "permission denied"),
            _ when !_tokens.ContainsKey(token) => Errors(403, "permission denied"),
            ("GET", "auth/token/lookup-self") => LookUp(),
            ("POST", "auth/token/renew-self") => Renew(token),
            ("POST", "pki/root/sign-intermediate") => IsAllowed ? Sign(body!) : Errors(403, "1 error occurred:\n\t* permission denied\n\n"),
            _ => Errors(404, "no handler for route \"" + path + "\". route entry not found."),
        };
    }

    private (int Status, JsonNode Answer) IssuerOf(string reference) => Issuers.TryGetValue(reference == "default" ? Default : reference, out CaFiles? issuer)
        ? (200, Data(new JsonObject { ["certificate"] = issuer.CertificatePem, ["ca_chain"] = new JsonArray(issuer.CertificatePem), ["issuer_id"] = reference }))
        : Errors(500, "unable to find PKI issuer for reference: " + reference);

    private (int Status, JsonNode Answer) LogIn()
    {
        Interlocked.Increment(ref _logins);
        return (200, Auth(Issue()));
    }

    private (int Status, JsonNode Answer) LookUp()
    {
        Interlocked.Increment(ref _logins);
        return (200, Data(new JsonObject { ["ttl"] = TokenSeconds, ["renewable"] = IsRenewable }));
    }

    private (int Status, JsonNode Answer) Renew(string token)
    {
        Interlocked.Increment(ref _renewals);
        return RenewalStatus == 0 ? (200, Auth(token)) : Errors(RenewalStatus, "not now");
    }

    private (int Status, JsonNode Answer) Sign(JsonNode body)
    {
        CaFiles issuer = Issuers[Default];
        CertificateRequest csr = CertificateRequest.LoadSigningRequestPem(body["csr"]!.GetValue<string>(), HashAlgorithmName.SHA256);
        DateTimeOffset now = DateTimeOffset.UtcNow, end = now.AddSeconds(int.Parse(body["ttl"]!.GetValue<string>().TrimEnd('s'), CultureInfo.InvariantCulture));
        if (end > new DateTimeOffset(issuer.Certificate.NotAfter.ToUniversalTime()))
            return Errors(400, "cannot satisfy request, as TTL would result in notAfter " + end.ToString("O", CultureInfo.InvariantCulture) + " that is beyond the expiration of the CA certificate");
        CertificateRequest request = new(new X500DistinguishedName("CN=" + body["common_name"]!.GetValue<string>()), csr.PublicKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, body["max_path_length"]!.GetValue<int>(), true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(issuer.Certificate, true, false));
        using X509Certificate2 certificate = request.Create(issuer.Certificate.SubjectName, X509SignatureGenerator.CreateForECDsa((ECDsa)issuer.Key), now.AddSeconds(-30), end, RandomNumberGenerator.GetBytes(16));
        return (200, Data(new JsonObject { ["certificate"] = certificate.ExportCertificatePem(), ["issuing_ca"] = issuer.CertificatePem, ["ca_chain"] = new JsonArray(issuer.CertificatePem), ["expiration"] = end.ToUnixTimeSeconds() }));
    }

    private JsonObject Auth(string token) => new() { ["auth"] = new JsonObject { ["client_token"] = token, ["lease_duration"] = TokenSeconds, ["renewable"] = IsRenewable } };

    private static JsonObject Data(JsonObject data) => new() { ["request_id"] = Guid.NewGuid().ToString(), ["data"] = data };

    private static (int Status, JsonNode Answer) Errors(int status, string error) => (status, new JsonObject { ["errors"] = new JsonArray(error) });
}

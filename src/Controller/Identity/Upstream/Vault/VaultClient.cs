using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Culvert.Protocol;

namespace Culvert.Controller.Identity.Upstream.Vault;

/// <summary>Calls Vault's HTTP API. Failures come as <see cref="AuthorityException"/>, with what to do. Called by one at a time.</summary>
internal sealed class VaultClient : IDisposable
{
    private const int MostBytes = 1 << 20;
    private const int MostErrors = 500;

    private readonly VaultOptions _options;
    private readonly HttpClient _client;

    public VaultClient(VaultOptions options)
    {
        _options = options;
        SocketsHttpHandler handler = new() { AllowAutoRedirect = false, UseCookies = false, UseProxy = false, PooledConnectionLifetime = TimeSpan.FromMinutes(1) };
        if (options.ServerRoots is { } file) handler.SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = (_, certificate, chain, errors) => IsServer(file, certificate, chain, errors) };
        _client = new HttpClient(handler) { BaseAddress = new Uri(options.Address, "/v1/"), Timeout = Timeout.InfiniteTimeSpan, MaxResponseContentBufferSize = MostBytes };
        _client.DefaultRequestHeaders.Add("X-Vault-Request", "true");
        if (options.Namespace is { } ns) _client.DefaultRequestHeaders.Add("X-Vault-Namespace", ns);
    }

    /// <summary>Where it is.</summary>
    public string Place => _options.Address.GetLeftPart(UriPartial.Authority);

    /// <summary>What is told of an answer that is none.</summary>
    /// <param name="path">What was asked.</param>
    /// <param name="e">What is odd about it.</param>
    public AuthorityException NotUnderstood(string path, Exception e) => new(AuthorityFailure.Unavailable, $"Vault at {Place} answered {path} with what is not understood: {e.Message}", e);

    /// <summary>Calls a method.</summary>
    /// <param name="method">GET, POST or LIST.</param>
    /// <param name="path">The path below <c>/v1/</c>.</param>
    /// <param name="token">Who asks; null: anybody may.</param>
    /// <param name="body">What is sent; null: nothing.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The answer's whole JSON; the caller disposes of it.</returns>
    /// <exception cref="VaultRefusal">Vault has refused, or there is no such path.</exception>
    /// <exception cref="AuthorityException">It does not answer, or with what is no JSON.</exception>
    public async Task<JsonDocument> CallAsync(string method, string path, string? token, IReadOnlyDictionary<string, object>? body, CancellationToken cancellationToken)
    {
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(_options.Deadline);
        try
        {
            using HttpRequestMessage request = new(new HttpMethod(method), path);
            if (token is not null) request.Headers.Add("X-Vault-Token", token);
            if (body is not null) request.Content = new ByteArrayContent(Encode(body)) { Headers = { { "content-type", "application/json" } } };
            using HttpResponseMessage response = await _client.SendAsync(request, patience.Token);
            byte[] answer = await response.Content.ReadAsByteArrayAsync(patience.Token);
            if (response.IsSuccessStatusCode) return JsonDocument.Parse(answer);
            throw ErrorsOf(answer) is { } errors ? Refused(response.StatusCode, path, errors) : NotVault($"{path} with {(int)response.StatusCode} and", null);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new AuthorityException(AuthorityFailure.Unavailable, $"Vault at {Place} has not answered within {_options.Deadline.TotalSeconds} s.", e);
        }
        catch (HttpRequestException e)
        {
            string remedy = e.InnerException is AuthenticationException ? " Its certificate has to be for that name, and lead to a root of --vault-ca, or of the machine." : "";
            throw new AuthorityException(AuthorityFailure.Unavailable, $"Vault at {Place} can't be asked: {e.InnerException?.Message ?? e.Message}.{remedy}", e);
        }
        catch (JsonException e)
        {
            throw NotVault($"{path} with", e);
        }
    }

    public void Dispose() => _client.Dispose();

    private static byte[] Encode(IReadOnlyDictionary<string, object> body)
    {
        using MemoryStream encoded = new();
        using (Utf8JsonWriter writer = new(encoded))
        {
            writer.WriteStartObject();
            foreach ((string name, object value) in body)
            {
                writer.WritePropertyName(name);
                switch (value)
                {
                    case bool flag: writer.WriteBooleanValue(flag); break;
                    case int number: writer.WriteNumberValue(number); break;
                    default: writer.WriteStringValue((string)value); break;
                }
            }
            writer.WriteEndObject();
        }
        return encoded.ToArray();
    }

    private VaultRefusal Refused(HttpStatusCode status, string path, string errors) => new(status, $"Vault at {Place} answered {path} with {(int)status}{(errors.Length > 0 ? $": {errors}" : "")}");

    private AuthorityException NotVault(string answered, Exception? cause) => new(AuthorityFailure.Unavailable, $"Vault at {Place} answered {answered} what is no answer of Vault's: is it Vault?", cause);

    // Null where it has none, which all of Vault's own have.
    private static string? ErrorsOf(byte[] answer)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(answer);
            if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.TryGetProperty("errors", out JsonElement errors) || errors.ValueKind != JsonValueKind.Array) return null;
            string text = string.Join("; ", errors.EnumerateArray().Select(e => e.ToString().ReplaceLineEndings(" ").Trim()));
            return text.Length <= MostErrors ? text : text[..MostErrors];
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static bool IsServer(string file, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is null || (errors & ~SslPolicyErrors.RemoteCertificateChainErrors) != SslPolicyErrors.None) return false;
        X509Certificate2Collection roots = [];
        try
        {
            roots.ImportFromPemFile(file);
            using RootsChain path = new(roots.Select(r => r.RawDataMemory), TimeProvider.System.GetUtcNow(), KeyPurposes.ServerAuthentication);
            if (chain is not null) path.Add(chain.ChainPolicy.ExtraStore);
            return path.Build((X509Certificate2)certificate);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new AuthenticationException($"{file} can't be used: {e.Message}", e);
        }
        finally
        {
            foreach (X509Certificate2 root in roots) root.Dispose();
        }
    }
}

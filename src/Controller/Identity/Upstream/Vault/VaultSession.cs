using System.Net;
using System.Text.Json;

namespace Culvert.Controller.Identity.Upstream.Vault;

/// <summary>The token by which Vault is asked: made by a login, renewed as long as Vault renews it, and made anew after that. Called by one at a time.</summary>
internal sealed class VaultSession(VaultClient client, VaultLogin login, TimeProvider time)
{
    // Of what is left of a token: it is renewed from there on.
    private const double RenewalShare = 0.5;

    private string? _token;
    private bool _isRenewable;
    private DateTimeOffset _madeAt;
    private DateTimeOffset _endsAt = DateTimeOffset.MaxValue;

    private bool HasToken => _token is not null && time.GetUtcNow() < _endsAt;

    /// <summary>Calls a method in the name of this process. Where the token is not taken any more, once more with another one.</summary>
    /// <inheritdoc cref="VaultClient.CallAsync"/>
    public async Task<JsonDocument> CallAsync(string method, string path, IReadOnlyDictionary<string, object>? body, CancellationToken cancellationToken)
    {
        try
        {
            await KeepAsync(cancellationToken);
        }
        catch (AuthorityException) when (HasToken)
        {
            // It is good as long as before: whoever watches this authority is told why there is no other one, and tries again.
        }
        try
        {
            return await client.CallAsync(method, path, _token, body, cancellationToken);
        }
        catch (VaultRefusal e) when (e.Status == HttpStatusCode.Forbidden)
        {
            // Either the token is none any more, or it may not do this: another one would not either, and each stays in Vault for its life.
            if (await IsTakenAsync(cancellationToken)) throw;
            _token = null;
            await LogInAsync(cancellationToken);
            return await client.CallAsync(method, path, _token, body, cancellationToken);
        }
    }

    /// <summary>Makes sure that there is a token, and that it does not end soon.</summary>
    /// <exception cref="AuthorityException">There is none to be had, or none in place of one that ends soon.</exception>
    public async Task KeepAsync(CancellationToken cancellationToken)
    {
        if (HasToken)
        {
            if (time.GetUtcNow() < _madeAt + ((_endsAt - _madeAt) * RenewalShare)) return;
            if (_isRenewable && await TryRenewAsync(_token!, cancellationToken)) return;
            if (login is VaultLogin.Token) return; // another login would have no other one
        }
        await LogInAsync(cancellationToken);
    }

    private async Task<bool> IsTakenAsync(CancellationToken cancellationToken)
    {
        try
        {
            using JsonDocument answer = await client.CallAsync("GET", "auth/token/lookup-self", _token, null, cancellationToken);
            return true;
        }
        catch (VaultRefusal)
        {
            return false;
        }
    }

    private async Task<bool> TryRenewAsync(string token, CancellationToken cancellationToken)
    {
        try
        {
            using JsonDocument answer = await client.CallAsync("POST", "auth/token/renew-self", token, new Dictionary<string, object>(), cancellationToken);
            Take(answer.RootElement.GetProperty("auth"), token);
            return true;
        }
        catch (VaultRefusal e) when (e.Status is HttpStatusCode.BadRequest or HttpStatusCode.Forbidden)
        {
            // It has come to its longest life, or was revoked: what the next login says counts.
            return false;
        }
        catch (VaultRefusal)
        {
            // Vault can't do it now: the token is good as long as before.
            return true;
        }
        catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw client.NotUnderstood("auth/token/renew-self", e);
        }
    }

    private async Task LogInAsync(CancellationToken cancellationToken)
    {
        (string Method, string Path, Dictionary<string, object>? Body, string? Token) call = login switch
        {
            VaultLogin.Token by => ("GET", "auth/token/lookup-self", null, await ReadSecretAsync(by.File, cancellationToken)),
            VaultLogin.AppRole by => ("POST", $"auth/{by.Mount}/login", Body(("role_id", await ReadAsync(by.RoleFile, cancellationToken)), ("secret_id", await ReadSecretAsync(by.SecretFile, cancellationToken))), null),
            VaultLogin.Kubernetes by => ("POST", $"auth/{by.Mount}/login", Body(("role", by.Role), ("jwt", await ReadAsync(by.TokenFile, cancellationToken))), null),
            _ => throw new InvalidOperationException($"There is no login by {login.GetType().Name}."),
        };
        try
        {
            using JsonDocument answer = await client.CallAsync(call.Method, call.Path, call.Token, call.Body, cancellationToken);
            if (call.Token is null) Take(answer.RootElement.GetProperty("auth"), null);
            else TakeKnown(answer.RootElement.GetProperty("data"), call.Token);
        }
        catch (VaultRefusal e)
        {
            throw e.ToFailure(Remedy());
        }
        catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw client.NotUnderstood(call.Path, e);
        }
    }

    private void Take(JsonElement auth, string? token) =>
        Take(token ?? auth.GetProperty("client_token").GetString() ?? throw new FormatException("there is no token"), auth.GetProperty("lease_duration").GetInt64(), auth.GetProperty("renewable").GetBoolean());

    private void TakeKnown(JsonElement data, string token) =>
        Take(token, data.GetProperty("ttl").GetInt64(), data.TryGetProperty("renewable", out JsonElement renewable) && renewable.ValueKind == JsonValueKind.True);

    // 0 seconds are for ever: root's token.
    private void Take(string token, long seconds, bool isRenewable)
    {
        _madeAt = time.GetUtcNow();
        (_token, _isRenewable, _endsAt) = (token, isRenewable, seconds <= 0 ? DateTimeOffset.MaxValue : _madeAt + TimeSpan.FromSeconds(Math.Min(seconds, TimeSpan.FromDays(36500).TotalSeconds)));
    }

    private static Dictionary<string, object> Body(params (string Name, string Value)[] fields) => fields.ToDictionary(f => f.Name, f => (object)f.Value, StringComparer.Ordinal);

    private static Task<string> ReadSecretAsync(string file, CancellationToken cancellationToken)
    {
        SecretFile.RequirePrivate(file);
        return ReadAsync(file, cancellationToken);
    }

    private static async Task<string> ReadAsync(string file, CancellationToken cancellationToken)
    {
        try
        {
            string text = (await File.ReadAllTextAsync(file, cancellationToken)).Trim();
            if (text.Length > 0 && text.All(char.IsAscii) && !text.Any(char.IsControl)) return text;
            throw new AuthorityException(AuthorityFailure.Misconfigured, $"{file} is to have one line of text in it, by which Vault is asked.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AuthorityException(AuthorityFailure.Misconfigured, $"{file} can't be read, by which Vault is asked: {e.Message}", e);
        }
    }

    private string Remedy() => login switch
    {
        VaultLogin.Token by => $"Has the token of {by.File} ended?",
        VaultLogin.AppRole by => $"Is the method mounted at auth/{by.Mount} (--vault-auth-mount), and are role and secret ID its own, and not used up?",
        VaultLogin.Kubernetes by => $"Is the method mounted at auth/{by.Mount} (--vault-auth-mount), and is the role '{by.Role}' bound to this service account and namespace?",
        _ => "",
    };
}

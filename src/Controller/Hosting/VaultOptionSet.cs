using System.CommandLine;
using System.Net;
using Culvert.Controller.Identity.Upstream.Vault;
using Culvert.Kubernetes.Configuration;

namespace Culvert.Controller.Hosting;

/// <summary>The options of <c>culvert-controller run</c> by which Vault certifies what the controller signs with. Make one for each command.</summary>
/// <param name="roots">The option that names a file with the roots, which other upstream authorities have, too.</param>
internal sealed class VaultOptionSet(Option<string?> roots)
{
    private readonly Option<string?> _address = new("--vault")
    {
        Description = "https://HOST[:PORT] of a Vault (or OpenBao) server whose PKI secrets engine certifies the authority that the controller signs with. Default: the built-in authority.",
    };

    private readonly Option<string?> _pki = new("--vault-pki") { Description = $"With --vault: where that engine is mounted. Default: {VaultOptions.DefaultPki}." };
    private readonly Option<string?> _namespace = new("--vault-namespace") { Description = "With --vault: the namespace of an enterprise server." };
    private readonly Option<string?> _serverRoots = new("--vault-ca") { Description = "With --vault: PEM file of the roots that the server's certificate leads to. Default: the machine's." };
    private readonly Option<string?> _tokenFile = new("--vault-token-file") { Description = "With --vault: log in by the token in this file." };
    private readonly Option<string?> _roleFile = new("--vault-approle-id-file") { Description = "With --vault: log in by AppRole, with the role's ID in this file." };
    private readonly Option<string?> _secretFile = new("--vault-approle-secret-file") { Description = "With --vault-approle-id-file: the file with the secret ID." };
    private readonly Option<string?> _role = new("--vault-kubernetes-role") { Description = "With --vault: log in by the pod's service account, as this role of Vault's." };
    private readonly Option<string?> _accountFile = new("--vault-kubernetes-token-file") { Description = "With --vault-kubernetes-role: the file with the service account's token. Default: the pod's." };

    private readonly Option<string?> _mount = new("--vault-auth-mount")
    {
        Description = $"With a login by AppRole or Kubernetes: where the method is mounted. Default: {VaultLogin.AppRole.DefaultMount}, {VaultLogin.Kubernetes.DefaultMount}.",
    };

    /// <summary>All of them, in the order of the help text.</summary>
    public IReadOnlyList<Option> All => [_address, .. Others];

    private Option<string?>[] Others => [_pki, _namespace, _serverRoots, _tokenFile, _roleFile, _secretFile, _role, _accountFile, _mount];

    /// <summary>How to reach the server; null: there is none to be used.</summary>
    /// <param name="parsed">The command line, which was parsed without errors.</param>
    /// <param name="problems">Takes up what can't be used, a line each.</param>
    public VaultOptions? Read(ParseResult parsed, ICollection<string> problems)
    {
        if (parsed.GetValue(_address) is not { } address)
        {
            foreach (Option<string?> option in Others.Where(o => parsed.GetValue(o) is not null)) problems.Add($"{option.Name} means something with {_address.Name} only");
            return null;
        }
        Uri? uri = ReadAddress(address, problems);
        VaultLogin? login = ReadLogin(parsed, problems);
        string pki = ReadPath(parsed, _pki, VaultOptions.DefaultPki, problems);
        if (uri is null || login is null) return null;
        return new(uri, login) { Pki = pki, Namespace = parsed.GetValue(_namespace), ServerRoots = PathOf(parsed, _serverRoots, problems), Roots = PathOf(parsed, roots, problems) };
    }

    private static string? PathOf(ParseResult parsed, Option<string?> option, ICollection<string> problems) => OptionPaths.Read(option.Name, parsed.GetValue(option), problems);

    private VaultLogin? ReadLogin(ParseResult parsed, ICollection<string> problems)
    {
        string? token = parsed.GetValue(_tokenFile), roleId = parsed.GetValue(_roleFile), secret = parsed.GetValue(_secretFile), role = parsed.GetValue(_role), account = parsed.GetValue(_accountFile);
        if (new[] { token, roleId, role }.Count(l => l is not null) != 1)
        {
            problems.Add($"{_address.Name} needs one login: {_tokenFile.Name}, {_roleFile.Name} or {_role.Name}");
            return null;
        }
        if (secret is not null && roleId is null) problems.Add($"{_secretFile.Name} means something with {_roleFile.Name} only");
        if (account is not null && role is null) problems.Add($"{_accountFile.Name} means something with {_role.Name} only");
        if (token is not null)
        {
            if (parsed.GetValue(_mount) is not null) problems.Add($"{_mount.Name} means nothing with {_tokenFile.Name}");
            return PathOf(parsed, _tokenFile, problems) is { } file ? new VaultLogin.Token(file) : null;
        }
        if (role is not null)
            return new VaultLogin.Kubernetes(ReadPath(parsed, _mount, VaultLogin.Kubernetes.DefaultMount, problems), role, PathOf(parsed, _accountFile, problems) ?? Path.Combine(InCluster.DefaultFolder, "token"));
        if (secret is null) problems.Add($"{_roleFile.Name} needs {_secretFile.Name}");
        return PathOf(parsed, _roleFile, problems) is { } rolePath && PathOf(parsed, _secretFile, problems) is { } secretPath
            ? new VaultLogin.AppRole(ReadPath(parsed, _mount, VaultLogin.AppRole.DefaultMount, problems), rolePath, secretPath)
            : null;
    }

    private static string ReadPath(ParseResult parsed, Option<string?> option, string otherwise, ICollection<string> problems)
    {
        string path = (parsed.GetValue(option) ?? otherwise).Trim('/');
        if (path.Length == 0 || path.Split('/').Any(s => s.Length == 0 || s.All(c => c == '.')) || !path.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/'))
            problems.Add($"{option.Name} takes the path of a mount, of letters, digits, '-', '_', '.' and '/', not '{parsed.GetValue(option)}'");
        return path;
    }

    private Uri? ReadAddress(string address, ICollection<string> problems)
    {
        if (!Uri.TryCreate(address, UriKind.Absolute, out Uri? uri) || uri.Scheme is not ("https" or "http") || uri is not { PathAndQuery: "/", UserInfo: "", Fragment: "" })
        {
            problems.Add($"{_address.Name} takes https://HOST[:PORT], not '{address}'");
            return null;
        }
        if (uri.Scheme == Uri.UriSchemeHttps || (IPAddress.TryParse(uri.DnsSafeHost, out IPAddress? ip) && IPAddress.IsLoopback(ip))) return uri;
        problems.Add($"{_address.Name} {address} would send tokens in the clear: http is for addresses of this machine (127.0.0.1) only");
        return null;
    }
}

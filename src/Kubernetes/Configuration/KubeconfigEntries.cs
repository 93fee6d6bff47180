using System.Text;

namespace Culvert.Kubernetes.Configuration;

/// <summary>Reads what a context consists of: a cluster and a user.</summary>
internal static class KubeconfigEntries
{
    private const string ExecExtension = "client.authentication.k8s.io/exec";
    private const string ExecV1 = "client.authentication.k8s.io/v1";
    private const string ExecV1Beta1 = "client.authentication.k8s.io/v1beta1";

    public static ClusterConfiguration Read(string origin, YamlMap context, YamlMap cluster, string userName, YamlMap? user)
    {
        Uri server = ReadServer(cluster);
        bool skip = cluster.Bool("insecure-skip-tls-verify");
        PemSource? authority = Pem(cluster, "certificate-authority");
        if (skip && authority is not null) throw cluster.Wrong("insecure-skip-tls-verify", "can't be true where a certificate authority is given");
        if (authority is not null) Check(cluster, "certificate-authority", () => PemReader.ReadAuthorities(authority.Read()));
        return new()
        {
            Server = server,
            Origin = origin,
            Namespace = context.String("namespace") is { Length: > 0 } name ? name : "default",
            TlsServerName = cluster.String("tls-server-name") is { Length: > 0 } tlsName ? tlsName : null,
            SkipTlsVerification = skip,
            Proxy = ReadProxy(cluster),
            Authority = authority,
            Credentials = user is null ? new() : ReadUser(userName, user, cluster),
        };
    }

    private static Uri ReadServer(YamlMap cluster)
    {
        string text = cluster.RequiredString("server");
        return Uri.TryCreate(text, UriKind.Absolute, out Uri? server) && server.Scheme is "https" or "http" && server.UserInfo.Length == 0 && server.Query.Length == 0
            ? server
            : throw cluster.Wrong("server", $"'{text}' is no address that begins with https:// or http://");
    }

    private static Uri? ReadProxy(YamlMap cluster)
    {
        if (cluster.String("proxy-url") is not { Length: > 0 } text) return null;
        return Uri.TryCreate(text, UriKind.Absolute, out Uri? proxy) && proxy.Scheme is "http" or "socks5"
            ? proxy
            : throw cluster.Wrong("proxy-url", "is no address that begins with http:// or socks5://");
    }

    private static CredentialSettings ReadUser(string name, YamlMap user, YamlMap cluster)
    {
        if (user.Map("auth-provider") is { } provider) throw user.Wrong("auth-provider", $"user '{name}': {Describe(provider.String("name"))}");
        if (user.Entries.ContainsKey("username") || user.Entries.ContainsKey("password"))
        {
            throw user.Wrong(user.Entries.ContainsKey("username") ? "username" : "password", "passwords are not supported; Kubernetes removed them in 1.19");
        }
        PemSource? certificate = Pem(user, "client-certificate"), key = Pem(user, "client-key");
        if (certificate is null != key is null)
        {
            throw user.Place.Wrong(certificate is null ? "there is a client-key and no client-certificate" : "there is a client-certificate and no client-key");
        }
        if (certificate is not null) Check(user, "client-certificate", () => PemReader.ReadIdentity(certificate.Read(), key!.Read()).Dispose());
        string? tokenFile = user.String("tokenFile") is { Length: > 0 } path ? Resolve(user, path) : null;
        YamlMap? exec = user.Map("exec");
        // As kubectl has it: what is written down wins over what a program says, a file over a token beside it.
        return new()
        {
            Token = tokenFile is null && user.String("token") is { Length: > 0 } token ? CheckToken(user, token) : null,
            TokenFile = tokenFile,
            ClientCertificate = certificate,
            ClientKey = key,
            Exec = exec is null ? null : ReadExec(exec, cluster),
            ImpersonateUser = user.String("as") is { Length: > 0 } other ? other : null,
            ImpersonateUid = user.String("as-uid") is { Length: > 0 } uid ? uid : null,
            ImpersonateGroups = user.Strings("as-groups"),
            ImpersonateExtra = [.. Extra(user)],
        };
    }

    private static string Describe(string? provider)
    {
        string plugin = provider switch
        {
            "gcp" => ", gke-gcloud-auth-plugin",
            "azure" => ", kubelogin of Azure",
            "oidc" => ", kubelogin",
            _ => "",
        };
        return $"the auth provider '{provider}' is not supported; Kubernetes has removed auth providers with 1.26; use an exec plugin{plugin}";
    }

    private static IEnumerable<KeyValuePair<string, string>> Extra(YamlMap user)
    {
        if (user.Map("as-user-extra") is not { } extra) yield break;
        foreach (string key in extra.Entries.Keys)
        {
            foreach (string value in extra.Strings(key)) yield return new(key, value);
        }
    }

    private static string CheckToken(YamlMap user, string token) =>
        token.All(char.IsAscii) && !token.Any(char.IsControl) ? token : throw user.Wrong("token", "holds what no token does: a line break or a letter outside ASCII");

    private static ExecSettings ReadExec(YamlMap exec, YamlMap cluster)
    {
        string version = exec.RequiredString("apiVersion");
        if (version is not (ExecV1 or ExecV1Beta1)) throw exec.Wrong("apiVersion", $"'{version}' is not supported; the plugin has to speak {ExecV1} or {ExecV1Beta1}");
        // v1beta1 has a default.
        string mode = version == ExecV1Beta1 && exec.String("interactiveMode") is not { Length: > 0 } ? "IfAvailable" : exec.RequiredString("interactiveMode");
        if (mode is not ("Never" or "IfAvailable" or "Always")) throw exec.Wrong("interactiveMode", $"'{mode}' is none of Never, IfAvailable, Always");
        if (mode == "Always") throw exec.Wrong("interactiveMode", "the plugin needs a terminal, and Culvert has none; use other credentials");
        string command = exec.RequiredString("command");
        YamlMap? config = cluster.Maps("extensions").FirstOrDefault(e => e.String("name") == ExecExtension);
        return new()
        {
            ApiVersion = version,
            // With a slash it is a path relative to the file, without one a name for PATH.
            Command = command.Contains('/', StringComparison.Ordinal) ? Resolve(exec, command) : command,
            Arguments = exec.Strings("args"),
            Environment = [.. exec.Maps("env").Select(e => new KeyValuePair<string, string>(e.RequiredString("name"), e.String("value") ?? ""))],
            InstallHint = exec.String("installHint"),
            ProvideClusterInfo = exec.Bool("provideClusterInfo"),
            ClusterConfig = config?.Entries.GetValueOrDefault("extension") is { } value ? YamlToJson.Convert(value) : null,
        };
    }

    /// <summary>The data in the file wins over a path beside it.</summary>
    private static PemSource? Pem(YamlMap map, string key)
    {
        string dataKey = $"{key}-data";
        if (map.String(dataKey) is { Length: > 0 } data)
        {
            try
            {
                return PemSource.OfText(Encoding.UTF8.GetString(Convert.FromBase64String(data)), $"{map.Place.File}:{map.Entries[dataKey].Place.Line}");
            }
            catch (FormatException)
            {
                throw map.Wrong(dataKey, "is not base64");
            }
        }
        return map.String(key) is { Length: > 0 } path ? PemSource.OfFile(Resolve(map, path)) : null;
    }

    private static void Check(YamlMap map, string key, Action read)
    {
        string at = map.Entries.ContainsKey($"{key}-data") ? $"{key}-data" : key;
        try
        {
            read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw map.Wrong(at, e.Message, e);
        }
    }

    private static string Resolve(YamlMap map, string path) => Path.GetFullPath(path, Path.GetDirectoryName(map.Place.File)!);
}

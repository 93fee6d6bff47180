using Culvert.Kubernetes.Configuration;
using Culvert.Kubernetes.Tests.Support;

namespace Culvert.Kubernetes.Tests.Configuration;

/// <summary>kubeconfig files, and what is said of those that are wrong.</summary>
public sealed class KubeconfigTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly TestAuthority _authority = new("a test");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Memory_is_in_proportion_to_the_file()
    {
        string text = $"apiVersion: v1\nkind: Config\n? {new string('k', 800_000)}\n:\n{string.Concat(Enumerable.Repeat(" - a\n", 50_000))}";
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<ConfigurationException>(() => Load(text));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200 * text.Length);
    }

    [Fact]
    public void TheCurrentContextIsRead()
    {
        _folder.Write("pki/ca.crt", _authority.Pem);
        _folder.Write("token", "t");
        ClusterConfiguration read = Load("""
            apiVersion: v1
            kind: Config
            preferences: {}
            current-context: b
            contexts:
            - name: a
              context: {cluster: none, user: none}
            - name: b
              context: {cluster: c, user: u, namespace: n}
            clusters:
            - name: c
              cluster:
                server: https://example.test:6443/prefix
                certificate-authority: pki/ca.crt
                tls-server-name: other.test
                proxy-url: socks5://127.0.0.1:1080
            users:
            - name: u
              user: {tokenFile: token, token: ignored, as: alice, as-groups: [g]}
            """);
        Assert.Equal("https://example.test:6443/prefix", read.Server.OriginalString);
        Assert.Equal(("n", "other.test", "socks5"), (read.Namespace, read.TlsServerName, read.Proxy!.Scheme));
        Assert.Equal(_folder.File("pki/ca.crt"), read.Authority!.Path);
        Assert.Equal((_folder.File("token"), null, "alice"), (read.Credentials.TokenFile, read.Credentials.Token, read.Credentials.ImpersonateUser));
        Assert.Equal(["g"], read.Credentials.ImpersonateGroups);
        Assert.Contains("context 'b'", read.Origin, StringComparison.Ordinal);
    }

    [Fact]
    public void CertificatesInTheFileAreRead()
    {
        (string certificate, string key) = _authority.User("u", "g", DateTimeOffset.UtcNow.AddDays(1));
        ClusterConfiguration read = Load(Config($"certificate-authority-data: {Base64(_authority.Pem)}", $"client-certificate-data: {Base64(certificate)}, client-key-data: {Base64(key)}"));
        Assert.Equal(_authority.Pem, read.Authority!.Read());
        Assert.Equal(certificate, read.Credentials.ClientCertificate!.Read());
    }

    [Fact]
    public void SeveralFilesAreOneInWhichTheFirstCounts()
    {
        string first = _folder.Write("first", "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: ''}}]\n");
        string second = _folder.Write("second", "current-context: y\nclusters: [{name: c, cluster: {server: 'https://127.0.0.1'}}]\ncontexts: [{name: x, context: {cluster: none}}]\n");
        Assert.Equal("127.0.0.1", Kubeconfig.Load([first, _folder.File("not-there"), second]).Server.Host);
    }

    [Fact]
    public void AnotherContextIsChosenByName()
    {
        string file = _folder.Write("config", Config("", "token: t"));
        ConfigurationException error = Assert.Throws<ConfigurationException>(() => Kubeconfig.Load([file], "other"));
        Assert.Contains("there is no context 'other'; there is: test", error.Message, StringComparison.Ordinal);
        Assert.NotNull(Kubeconfig.Load([file], "test"));
    }

    [Fact]
    public void AnExecPluginIsRead()
    {
        ClusterConfiguration read = Load(Config(
            "extensions: [{name: client.authentication.k8s.io/exec, extension: {audience: a, list: [1, true, null]}}]",
            "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./bin/login, args: [a, b], env: [{name: N, value: v}], interactiveMode: IfAvailable, provideClusterInfo: true}"));
        ExecSettings exec = read.Credentials.Exec!;
        Assert.Equal(_folder.File("bin/login"), exec.Command);
        Assert.Equal(["a", "b"], exec.Arguments);
        Assert.Equal("v", Assert.Single(exec.Environment, e => e.Key == "N").Value);
        Assert.Equal("""{"audience":"a","list":[1,true,null]}""", exec.ClusterConfig);
    }

    [Theory]
    [InlineData("v1, interactiveMode: Never", "client.authentication.k8s.io/v1")]
    [InlineData("v1beta1, interactiveMode: IfAvailable", "client.authentication.k8s.io/v1beta1")]
    [InlineData("v1beta1", "client.authentication.k8s.io/v1beta1")]
    [InlineData("v1beta1, interactiveMode: ''", "client.authentication.k8s.io/v1beta1")]
    public void VersionsOfExecPluginsAreRead(string entry, string version) =>
        Assert.Equal(version, Load(Config("", $"exec: {{apiVersion: client.authentication.k8s.io/{entry}, command: x}}")).Credentials.Exec!.ApiVersion);

    [Theory]
    [InlineData("server: ftp://x", "", "clusters[0].cluster.server", "no address")]
    [InlineData("insecure-skip-tls-verify: maybe", "", "clusters[0].cluster.insecure-skip-tls-verify", "true or false")]
    [InlineData("certificate-authority-data: '%%'", "", "clusters[0].cluster.certificate-authority-data", "not base64")]
    [InlineData("certificate-authority-data: aGVsbG8=", "", "clusters[0].cluster.certificate-authority-data", "no certificate")]
    [InlineData("certificate-authority: nowhere.crt", "", "clusters[0].cluster.certificate-authority", "nowhere.crt")]
    [InlineData("proxy-url: https://x", "", "clusters[0].cluster.proxy-url", "http:// or socks5://")]
    [InlineData("", "username: u, password: p", "users[0].user.username", "passwords are not supported")]
    [InlineData("", "auth-provider: {name: gcp}", "users[0].user.auth-provider", "exec plugin")]
    [InlineData("", "client-key-data: aGVsbG8=", "users[0].user", "no client-certificate")]
    [InlineData("", "token: [a]", "users[0].user.token", "a string was expected")]
    [InlineData("", "exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: x}", "users[0].user.exec.apiVersion", "client.authentication.k8s.io/v1beta1")]
    [InlineData("", "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: x, interactiveMode: Always}", "users[0].user.exec.interactiveMode", "needs a terminal")]
    [InlineData("", "exec: {apiVersion: client.authentication.k8s.io/v1, command: x}", "users[0].user.exec.interactiveMode", "is missing")]
    [InlineData("", "exec: {apiVersion: client.authentication.k8s.io/v1, command: x, interactiveMode: Always}", "users[0].user.exec.interactiveMode", "needs a terminal")]
    [InlineData("", "exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never}", "users[0].user.exec.command", "is missing")]
    public void WhatIsWrongIsNamedWithFileLineAndField(string cluster, string user, string field, string reason)
    {
        ConfigurationException error = Assert.Throws<ConfigurationException>(() => Load(Config(cluster, user)));
        Assert.Equal((_folder.File("config"), field), (error.File, error.Field));
        Assert.InRange(error.Line, 1, 20);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.StartsWith($"{_folder.File("config")}:{error.Line}: {field}: ", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gcp", "use an exec plugin, gke-gcloud-auth-plugin")]
    [InlineData("unheard-of", "use an exec plugin")]
    public void AnAuthProviderIsRefusedWithFileUserAndField(string provider, string remedy)
    {
        ConfigurationException error = Assert.Throws<ConfigurationException>(() => Load(Config("", $"auth-provider: {{name: {provider}, config: {{access-token: t}}}}")));
        Assert.Equal($"{_folder.File("config")}:{error.Line}: users[0].user.auth-provider: user 'test': the auth provider '{provider}' is not supported; Kubernetes has removed auth providers with 1.26; {remedy}", error.Message);
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("- a", "a mapping was expected")]
    [InlineData("a: 1\na: 2", "is there twice")]
    [InlineData("a: &x 1\nb: *x", "anchors")]
    [InlineData("a: !!str 1", "tags")]
    [InlineData("a: [", "not valid YAML")]
    [InlineData("a: 1\n---\nb: 2", "more than one document")]
    [InlineData("contexts: []", "is not set")]
    [InlineData("current-context: x", "there is no context 'x'")]
    public void AFileThatIsNoKubeconfigIsRefused(string text, string reason) =>
        Assert.Contains(reason, Assert.Throws<ConfigurationException>(() => Load(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void NoErrorQuotesASecret()
    {
        const string Secret = "kh3jk2h4";
        foreach (string user in (string[])[$"token: \"{Secret}\\n\"", $"client-key-data: {Secret}", $"client-certificate-data: {Base64(_authority.Pem)}, client-key-data: {Base64(Secret)}", $"token: '{Secret}"])
        {
            ConfigurationException error = Assert.Throws<ConfigurationException>(() => Load(Config("", user)));
            Assert.DoesNotContain(Secret, error.ToString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void RandomTextNeverEndsInAnotherException()
    {
        string good = Config("tls-server-name: x", "exec: {apiVersion: client.authentication.k8s.io/v1, command: x, interactiveMode: Never, args: [a]}");
        var random = new Random(20261122);
        const string Noise = "{}[]:,-'\"\n &*!|>%@`#\t?a0";
        for (int i = 0; i < 3000; i++)
        {
            char[] text = good.ToCharArray();
            for (int changes = random.Next(1, 6); changes > 0; changes--) text[random.Next(text.Length)] = Noise[random.Next(Noise.Length)];
            try
            {
                Kubeconfig.Parse([YamlFile.Read("/x/config", new string(text))], null);
            }
            catch (ConfigurationException)
            {
                // Said so.
            }
        }
    }

    [Fact]
    public void WhereNothingIsSaidTheUsualPlacesAreLookedAt()
    {
        string file = _folder.Write(".kube/config", Config("", "token: t"));
        ClusterConfiguration Find(params (string Name, string Value)[] environment) =>
            ClusterConfigurations.Find(null, null, n => environment.Where(e => e.Name == n).Select(e => e.Value).FirstOrDefault());
        Assert.Equal("127.0.0.1", Find(("HOME", _folder.Path)).Server.Host);
        Assert.Equal("127.0.0.1", Find(("KUBECONFIG", $"/not/there:{file}")).Server.Host);
        Assert.Contains("no kubeconfig is said", Assert.Throws<ConfigurationException>(() => Find()).Message, StringComparison.Ordinal);
    }

    private ClusterConfiguration Load(string text) => Kubeconfig.Load([_folder.Write("config", text)]);

    private static string Base64(string text) => Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(text));

    private static string Config(string cluster, string user) => $"""
        apiVersion: v1
        current-context: test
        contexts:
        - name: test
          context: {"{"}cluster: test, user: test{"}"}
        clusters:
        - name: test
          cluster:
            {(cluster.StartsWith("server:", StringComparison.Ordinal) ? "" : "server: https://127.0.0.1:6443")}
            {cluster}
        users:
        - name: test
          user: {"{"}{user}{"}"}
        """;
}

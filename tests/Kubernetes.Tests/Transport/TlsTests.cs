using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Configuration;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Cluster;
using Culvert.Kubernetes.Tests.Support;

namespace Culvert.Kubernetes.Tests.Transport;

/// <summary>Who is believed to be the API server, and who the server believes.</summary>
public sealed class TlsTests(SharedCluster cluster) : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly RecordingLogger<KubernetesClient> _logger = new();
    private readonly KubernetesMetrics _metrics = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _folder.Dispose();
        _metrics.Dispose();
    }

    [Fact]
    public async Task AServerOfAnotherAuthorityIsGivenNothing()
    {
        ApiException error = await FailAsync(new()
        {
            Server = cluster.Server.Address,
            Origin = "a test",
            Authority = PemSource.OfText(new TestAuthority("another").Pem, "somewhere"),
            Credentials = new() { Token = ApiServer.AdminToken },
        });
        Assert.Equal(ApiFailure.Untrusted, error.Failure);
        Assert.Contains("does not lead to the authority in somewhere", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WithoutAnAuthorityThoseOfTheSystemCount()
    {
        ApiException error = await FailAsync(new() { Server = cluster.Server.Address, Origin = "a test", Credentials = new() { Token = ApiServer.AdminToken } });
        Assert.Equal(ApiFailure.Untrusted, error.Failure);
        Assert.Contains("the system trusts no issuer", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnotherNameThanTheServersIsNotBelieved()
    {
        ApiException error = await FailAsync(new()
        {
            Server = cluster.Server.Address,
            Origin = "a test",
            TlsServerName = "elsewhere.test",
            Authority = PemSource.OfText(cluster.Server.Authority.Pem, "a test"),
            Credentials = new() { Token = ApiServer.AdminToken },
        });
        Assert.Equal(ApiFailure.Untrusted, error.Failure);
        Assert.Contains("is for 127.0.0.1, not for 'elsewhere.test'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ANameThatIsSaidIsWhatCounts()
    {
        ClusterConfiguration configuration = cluster.Server.Configuration();
        await ListByAsync(new()
        {
            Server = new Uri(configuration.Server.OriginalString.Replace("127.0.0.1", "localhost", StringComparison.Ordinal)),
            Origin = "a test",
            TlsServerName = "127.0.0.1",
            Authority = configuration.Authority,
            Credentials = configuration.Credentials,
        });
    }

    [Fact]
    public async Task WhoBelievesAnybodyIsToldLoudly()
    {
        await ListByAsync(new() { Server = cluster.Server.Address, Origin = "a test", SkipTlsVerification = true, Credentials = new() { Token = ApiServer.AdminToken } });
        string line = Assert.Single(_logger.Lines);
        Assert.StartsWith("Warning INSECURE: a test has insecure-skip-tls-verify", line, StringComparison.Ordinal);
        Assert.DoesNotContain(ApiServer.AdminToken, line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnAuthorityThatIsReplacedIsTakenUp()
    {
        string file = _folder.Write("ca.crt", new TestAuthority("old").Pem);
        ClusterConfiguration configuration = new() { Server = cluster.Server.Address, Origin = "a test", Authority = PemSource.OfFile(file), Credentials = new() { Token = ApiServer.AdminToken } };
        using KubernetesClient client = Client(configuration);
        Assert.Equal(ApiFailure.Untrusted, (await Assert.ThrowsAsync<ApiException>(() => ListAsync(client))).Failure);
        // Half written: the last one counts.
        File.WriteAllText(file, "");
        Assert.Contains("does not lead to the authority", (await Assert.ThrowsAsync<ApiException>(() => ListAsync(client))).Message, StringComparison.Ordinal);
        File.WriteAllText(file, cluster.Server.Authority.Pem + "\n" + new TestAuthority("another").Pem);
        // A handshake that was begun before may be the one that counts.
        await Soon.Holds("it is taken up", async () =>
        {
            try
            {
                await ListAsync(client);
                return true;
            }
            catch (ApiException e) when (e.Failure == ApiFailure.Untrusted)
            {
                return false;
            }
        });
    }

    [Fact]
    public async Task AClientCertificateProvesWhoAsksAndOneThatIsRenewedTakesItsPlace()
    {
        (string expired, string expiredKey) = cluster.Server.Authority.User("admin", "system:masters", DateTimeOffset.UtcNow.AddHours(-1));
        string certificate = _folder.Write("client.crt", expired), key = _folder.Write("client.key", expiredKey);
        ClusterConfiguration configuration = Kubeconfig.Load([_folder.Write("config", $"""
            current-context: test
            contexts: [{"{"}name: test, context: {"{"}cluster: test, user: test{"}"}{"}"}]
            clusters: [{"{"}name: test, cluster: {"{"}server: '{cluster.Server.Address}', certificate-authority-data: {Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(cluster.Server.Authority.Pem))}{"}"}{"}"}]
            users: [{"{"}name: test, user: {"{"}client-certificate: {certificate}, client-key: {key}{"}"}{"}"}]
            """)]);
        using KubernetesClient client = Client(configuration);
        Assert.Equal(ApiFailure.Unauthorized, (await Assert.ThrowsAsync<ApiException>(() => ListAsync(client))).Failure);

        (string good, string goodKey) = cluster.Server.Authority.User("admin", "system:masters", DateTimeOffset.UtcNow.AddHours(1));
        File.WriteAllText(key, goodKey);
        File.WriteAllText(certificate, good);
        await ListAsync(client);

        // A pair that does not fit leaves the last.
        File.WriteAllText(key, expiredKey);
        await ListAsync(client);
    }

    [Fact]
    public async Task AnExecPluginsCertificateIsUsedAndAskedForAgainWhenRefused()
    {
        (string expired, string expiredKey) = cluster.Server.Authority.User("admin", "system:masters", DateTimeOffset.UtcNow.AddHours(-1));
        (string good, string goodKey) = cluster.Server.Authority.User("admin", "system:masters", DateTimeOffset.UtcNow.AddHours(1));
        string Say(string certificate, string key) => System.Text.Json.JsonSerializer.Serialize(certificate, TestJson.Default.String) is var c && System.Text.Json.JsonSerializer.Serialize(key, TestJson.Default.String) is var k
            ? "{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{\"clientCertificateData\":" + c + ",\"clientKeyData\":" + k + "}}"
            : "";
        string next = _folder.Write("next", Say(expired, expiredKey)), later = _folder.Write("later", Say(good, goodKey));
        string plugin = _folder.Script("login", $"cat {next}; cp {later} {next}");
        using KubernetesClient client = Client(new()
        {
            Server = cluster.Server.Address,
            Origin = "a test",
            Authority = PemSource.OfText(cluster.Server.Authority.Pem, "a test"),
            Credentials = new() { Exec = new() { ApiVersion = "client.authentication.k8s.io/v1", Command = plugin, Arguments = [], Environment = [] } },
        });
        await ListAsync(client);
    }

    [Fact]
    public async Task NobodyThereIsSaidSo()
    {
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        int port = ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        ApiException error = await FailAsync(cluster.Server.Configuration(port: port));
        Assert.Equal(ApiFailure.Unreachable, error.Failure);
        Assert.Contains("Connection refused", error.Message, StringComparison.Ordinal);
    }

    private KubernetesClient Client(ClusterConfiguration configuration) => new(configuration, ApiServer.Unlimited, _metrics, TimeProvider.System, _logger);

    private async Task ListByAsync(ClusterConfiguration configuration)
    {
        using KubernetesClient client = Client(configuration);
        await ListAsync(client);
    }

    private static async Task ListAsync(KubernetesClient client) => await client.Resource(KnownResources.Nodes).ListAsync(new() { LabelSelector = "none=there" }, Stop);

    private async Task<ApiException> FailAsync(ClusterConfiguration configuration) => await Assert.ThrowsAsync<ApiException>(() => ListByAsync(configuration));
}

using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Configuration;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Kubernetes.Tests.Cluster;

/// <summary>A real API server with its etcd, on free ports of loopback, with folders of its own that go with it.</summary>
internal sealed class ApiServer : IAsyncDisposable
{
    private const int Attempts = 5;

    // As the file of tokens has them.
    internal const string AdminToken = "token-of-admin";
    internal const string ReaderToken = "token-of-reader";
    internal const string NobodyToken = "token-of-nobody";

    private readonly TempFolder _folder = new();
    private readonly string[] _flags;
    private readonly HttpClient _probe = new(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true }, UseProxy = false });
    private ServerProcess? _etcd;
    private ServerProcess? _server;
    private int _etcdPort;
    private int _generation;
    private int _kubeconfigs;

    private ApiServer(string[] flags) => _flags = flags;

    internal TestAuthority Authority { get; } = new("tests of the API server");

    internal int Port { get; private set; }

    internal Uri Address => new(string.Create(CultureInfo.InvariantCulture, $"https://127.0.0.1:{Port}"));

    internal static async Task<ApiServer> StartAsync(params string[] flags)
    {
        var server = new ApiServer(flags);
        try
        {
            server.WriteFiles();
            await server.StartEtcdAsync();
            await server.StartServerAsync(FreePort);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>How to reach it.</summary>
    /// <param name="token">Who asks.</param>
    /// <param name="port">Another port than its own: that of a proxy.</param>
    internal ClusterConfiguration Configuration(string token = AdminToken, int? port = null) => new()
    {
        Server = new Uri(string.Create(CultureInfo.InvariantCulture, $"https://127.0.0.1:{port ?? Port}")),
        Origin = "a test",
        Authority = PemSource.OfText(Authority.Pem, "a test"),
        Credentials = new() { Token = token },
    };

    internal KubernetesClient Client(string token = AdminToken, KubernetesClientOptions? options = null, int? port = null, KubernetesMetrics? metrics = null) =>
        new(Configuration(token, port), options ?? Unlimited, metrics ?? new KubernetesMetrics(), TimeProvider.System, NullLogger<KubernetesClient>.Instance);

    internal static KubernetesClientOptions Unlimited => new() { RequestsPerSecond = double.PositiveInfinity, RequestTimeout = Soon.Limit, ConnectTimeout = Soon.Limit };

    /// <summary>Kills the server; etcd goes on.</summary>
    internal async Task CrashAsync()
    {
        await _server!.DisposeAsync();
        _server = null;
    }

    /// <summary>Starts it again, at the same port.</summary>
    internal Task RestartAsync() => StartServerAsync(() => Port);

    /// <summary>Has etcd forget all older versions than the newest.</summary>
    internal async Task CompactAsync()
    {
        string address = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{_etcdPort}/v3/");
        using HttpResponseMessage range = await _probe.PostAsync(new Uri(address + "kv/range"), new StringContent("""{"key":"AA=="}"""));
        string text = await range.Content.ReadAsStringAsync();
        string revision = System.Text.Json.JsonDocument.Parse(text).RootElement.GetProperty("header").GetProperty("revision").GetString()!;
        using HttpResponseMessage compaction = await _probe.PostAsync(new Uri(address + "kv/compaction"), new StringContent($$"""{"revision":"{{revision}}","physical":true}"""));
        Assert.True(compaction.IsSuccessStatusCode, await compaction.Content.ReadAsStringAsync());
    }

    /// <summary>Whether kubectl finds a kind in a version, which it does later than the kind's paths are served.</summary>
    /// <param name="group">The group.</param>
    /// <param name="version">The version.</param>
    /// <param name="plural">The name of its list in paths.</param>
    internal async Task<bool> IsDiscoveredAsync(string group, string version, string plural) =>
        await SaysAsync("apis", $"\"{group}/{version}\"") && await SaysAsync($"apis/{group}/{version}", $"\"{plural}\"");

    /// <summary>Whether kubectl can explain a kind, for which the server publishes its schema, last of all.</summary>
    /// <param name="group">The group.</param>
    /// <param name="version">The version.</param>
    /// <param name="kind">The kind.</param>
    internal Task<bool> IsExplainedAsync(string group, string version, string kind) =>
        SaysAsync("openapi/v2", $$"""{"group":"{{group}}","kind":"{{kind}}","version":"{{version}}"}""");

    private async Task<bool> SaysAsync(string path, string text)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, $"{Address}{path}");
        request.Headers.Authorization = new("Bearer", AdminToken);
        using HttpResponseMessage response = await _probe.SendAsync(request);
        return response.IsSuccessStatusCode && (await response.Content.ReadAsStringAsync()).Contains(text, StringComparison.Ordinal);
    }

    /// <summary>Runs kubectl against it as admin.</summary>
    internal async Task<string> KubectlAsync(string input, params string[] arguments)
    {
        // Of its own: several may run at a time.
        string config = _folder.Write(string.Create(CultureInfo.InvariantCulture, $"kubeconfig{Interlocked.Increment(ref _kubeconfigs)}"), Kubeconfig(AdminToken));
        return await Tool.RunAsync(KubernetesBinaries.Of("kubectl"), input, ["--kubeconfig", config, "--cache-dir", _folder.File("kubectl-cache"), .. arguments]);
    }

    internal string Kubeconfig(string token) => $"""
        apiVersion: v1
        kind: Config
        current-context: test
        contexts:
        - name: test
          context: {"{"}cluster: test, user: test{"}"}
        clusters:
        - name: test
          cluster:
            server: {Address}
            certificate-authority-data: {Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(Authority.Pem))}
        users:
        - name: test
          user: {"{"}token: {token}{"}"}
        """;

    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
        if (_etcd is not null) await _etcd.DisposeAsync();
        _probe.Dispose();
        // The guardians remove their folders at the same time.
        for (int attempt = 1; Directory.Exists(_folder.Path); attempt++)
        {
            try
            {
                _folder.Dispose();
            }
            catch (IOException) when (attempt < 100)
            {
                await Task.Delay(20);
            }
        }
    }

    // Below those that the kernel gives to clients: one of them would keep a server from coming back at its port.
    private static int FreePort()
    {
        while (true)
        {
            int port = Random.Shared.Next(20_000, 32_000);
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Taken.
            }
        }
    }

    private void WriteFiles()
    {
        (string certificate, string key) = Authority.Server();
        _folder.Write("server.crt", certificate);
        _folder.Write("server.key", key);
        _folder.Write("ca.crt", Authority.Pem);
        _folder.Write("tokens.csv", $"{AdminToken},admin,1,\"system:masters\"\n{ReaderToken},reader,2,\"readers\"\n{NobodyToken},nobody,3\n");
        using RSA rsa = RSA.Create(2048);
        _folder.Write("accounts.key", rsa.ExportRSAPrivateKeyPem());
    }

    // Another process may take a port that was free a moment ago.
    private async Task StartEtcdAsync()
    {
        string error = "";
        for (int attempt = 1; attempt <= Attempts; attempt++)
        {
            _etcdPort = FreePort();
            string client = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{_etcdPort}"), peer = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{FreePort()}");
            string folder = _folder.File($"etcd{attempt}");
            var etcd = ServerProcess.Start(folder, KubernetesBinaries.Of("etcd"),
            [
                "--data-dir", Path.Combine(folder, "data"), "--listen-client-urls", client, "--advertise-client-urls", client,
                "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", $"default={peer}",
            ]);
            if (await IsReadyAsync(etcd, client + "/health", null))
            {
                _etcd = etcd;
                return;
            }
            error = etcd.LogTail();
            await etcd.DisposeAsync();
        }
        throw new InvalidOperationException($"etcd does not start:\n{error}");
    }

    private async Task StartServerAsync(Func<int> port)
    {
        string error = "";
        for (int attempt = 1; attempt <= Attempts; attempt++)
        {
            Port = port();
            string folder = _folder.File(string.Create(CultureInfo.InvariantCulture, $"server{++_generation}"));
            var server = ServerProcess.Start(folder, KubernetesBinaries.Of("kube-apiserver"), [.. Arguments(), .. _flags]);
            if (await IsReadyAsync(server, $"{Address}readyz", AdminToken))
            {
                _server = server;
                return;
            }
            error = server.LogTail();
            await server.DisposeAsync();
        }
        throw new InvalidOperationException($"kube-apiserver does not start:\n{error}");
    }

    private string[] Arguments() =>
    [
        string.Create(CultureInfo.InvariantCulture, $"--etcd-servers=http://127.0.0.1:{_etcdPort}"), string.Create(CultureInfo.InvariantCulture, $"--secure-port={Port}"),
        "--bind-address=127.0.0.1", "--endpoint-reconciler-type=none", "--etcd-compaction-interval=0", "--profiling=false",
        $"--cert-dir={_folder.File("certs")}", $"--tls-cert-file={_folder.File("server.crt")}", $"--tls-private-key-file={_folder.File("server.key")}",
        $"--client-ca-file={_folder.File("ca.crt")}", $"--token-auth-file={_folder.File("tokens.csv")}", "--authorization-mode=RBAC",
        $"--service-account-key-file={_folder.File("accounts.key")}", $"--service-account-signing-key-file={_folder.File("accounts.key")}",
        "--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=10.96.0.0/16", "--allow-privileged=true",
        "--disable-admission-plugins=ServiceAccount",
    ];

    private async Task<bool> IsReadyAsync(ServerProcess process, string address, string? token)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (!process.HasExited && TimeProvider.System.GetElapsedTime(start) < Soon.Limit)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, address);
            if (token is not null) request.Headers.Authorization = new("Bearer", token);
            try
            {
                using HttpResponseMessage response = await _probe.SendAsync(request);
                if (response.IsSuccessStatusCode) return true;
            }
            catch (HttpRequestException)
            {
                // Not yet.
            }
            await Task.Delay(50);
        }
        return false;
    }
}

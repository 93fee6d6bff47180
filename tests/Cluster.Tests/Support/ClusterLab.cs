using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Kubernetes.Tests.Cluster;
using Culvert.Labs;

namespace Culvert.ClusterTests.Support;

/// <summary>
/// A real Kubernetes of two nodes on this machine: etcd, API server, controller manager and scheduler in one network namespace, kubelet, containerd and kube-proxy on two <see cref="Machine"/>s. Pods of node n have addresses
/// of 10.91.N.0/24, N as <see cref="Machine.Number"/> says. All of it goes with it.
/// </summary>
internal sealed class ClusterLab : IAsyncDisposable
{
    /// <summary>Programs that a cluster needs beside those of an API server.</summary>
    public static readonly string[] Needed = ["kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "containerd", "containerd-shim-runc-v2", "ctr", "runc", "conntrack", "bridge", "host-local", "loopback", "portmap", "ptp", "busybox"];

    /// <summary>Of whatever waits for a kubelet. One that has missed a change, as 1.20's may, looks again after a minute (its syncFrequency), and each step takes it long beside other programs.</summary>
    public static readonly TimeSpan KubeletDeadline = TimeSpan.FromSeconds(150);

    /// <summary>The same, for kubectl.</summary>
    public const string KubeletTimeout = "--timeout=150s";

    // Where overlay file systems can be made, which rules out tmpfs's neighbours and other overlays.
    private static readonly string Root = Path.Combine(Path.GetTempPath(), "culvert-cluster");
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    // Longer than any --timeout of a test: kubectl itself says what it has waited for.
    private static readonly TimeSpan LongestCommand = TimeSpan.FromSeconds(210);
    private const string AdminToken = "token-of-admin";
    private const int ApiPort = 6443;
    private readonly Lab _lab;
    private readonly List<Machine> _machines = [];
    private EndpointMirror? _mirror;
    private HttpClient? _api;
    private LabNode? _control;
    private LabProcess? _server;
    private string[] _serverArguments = [];

    private ClusterLab(Lab lab) => _lab = lab;

    /// <summary>The nodes.</summary>
    public IReadOnlyList<Machine> Machines => _machines;

    /// <summary>A folder that goes with the cluster.</summary>
    public string Folder => _lab.Folder;

    private string Server => string.Create(CultureInfo.InvariantCulture, $"https://{_control!.Address4}:{ApiPort}");

    /// <summary>Why there can't be one; null when there can.</summary>
    public static string? Missing()
    {
        if (!Environment.IsPrivilegedProcess) return "needs root";
        if (!Directory.Exists("/sys/fs/cgroup/memory")) return "its machines are made for control groups of version 1";
        return KubernetesBinaries.Missing ?? (Needed.Where(n => !File.Exists(KubernetesBinaries.Of(n))).ToArray() is { Length: > 0 } missing ? $"there is no {string.Join(", ", missing)} in {KubernetesBinaries.Folder}; eng/kubernetes.sh gets them" : null);
    }

    public static async Task<ClusterLab> StartAsync()
    {
        await Lab.RemoveStaleAsync(Root);
        await RemoveControlGroupsAsync("cv-*");
        var cluster = new ClusterLab(await Lab.CreateAsync(new LabOptions { Root = Root }));
        try
        {
            await cluster.StartControlPlaneAsync();
            foreach (var name in new[] { "node1", "node2" }) await cluster.AddMachineAsync(name);
            if (KubernetesBinaries.IsOld) await cluster.AddEndpointSlicesAsync();
            await LabWait.UntilAsync("both nodes are known", async () => (await cluster.KubectlAsync("get", "nodes", "-o", "name")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Length == 2, Deadline);
            await cluster.KubectlAsync("wait", "--for=condition=Ready", "nodes", "--all", ClusterLab.KubeletTimeout);
            var box = Path.Combine(cluster.Folder, "box.tar");
            BoxImage.Write(box, KubernetesFiles.Sandbox, KubernetesBinaries.Of("busybox"));
            await cluster.LoadAsync(box);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs kubectl as admin.</summary>
    /// <exception cref="ToolFailedException">It failed.</exception>
    public Task<string> KubectlAsync(params IReadOnlyList<string> arguments) =>
        Tool.RequireAsync("nsenter", [$"--net={_control!.NamespacePath}", .. KubectlLine, .. arguments], null, LongestCommand, CancellationToken.None);

    /// <summary>Runs the command line as admin. It has longer than the 300 s after which it says itself what is not ready.</summary>
    /// <returns>What it wrote.</returns>
    /// <exception cref="ToolFailedException">It failed.</exception>
    public Task<string> CulvertAsync(params IReadOnlyList<string> arguments) =>
        Tool.RequireAsync("nsenter", [$"--net={_control!.NamespacePath}", LabPrograms.Culvert, .. arguments, "--kubeconfig", Path.Combine(Folder, "admin.kubeconfig")], null, TimeSpan.FromSeconds(330), CancellationToken.None);

    /// <summary>Applies objects.</summary>
    /// <param name="yaml">Their text.</param>
    public Task<string> ApplyAsync(string yaml) =>
        Tool.RequireAsync("nsenter", [$"--net={_control!.NamespacePath}", .. KubectlLine, "apply", "-f", "-"], yaml, TimeSpan.FromSeconds(60), CancellationToken.None);

    /// <summary>Deletes a namespace, and waits until nothing is left of it: beside other programs a kubelet may take more than a minute to end its pods.</summary>
    /// <exception cref="InvalidOperationException">Something is left; with what there is to know of it.</exception>
    public async Task DeleteNamespaceAsync(string name)
    {
        try
        {
            await KubectlAsync("delete", "namespace", name, "--timeout=140s");
        }
        catch (ToolFailedException e)
        {
            string[] left =
            [
                await KubectlAsync("get", "namespace", name, "--ignore-not-found", "-o", "jsonpath={.status}"),
                await KubectlAsync("-n", name, "get", "pods", "-o", "wide"),
                await KubectlAsync("-n", name, "describe", "pods"),
            ];
            throw new InvalidOperationException($"{e.Message}\n{string.Join('\n', left)}", e);
        }
    }

    /// <summary>Brings an image to all nodes.</summary>
    /// <param name="archive">An archive of docker's or OCI's form.</param>
    public Task LoadAsync(string archive) => ContainerdAsync("images", "import", archive);

    /// <summary>Gives an image of all nodes another name, beside the one that it has.</summary>
    public Task TagAsync(string image, string name) => ContainerdAsync("images", "tag", "--force", image, name);

    /// <summary>Takes an image's name away from all nodes.</summary>
    public Task RemoveImageAsync(string name) => ContainerdAsync("images", "rm", name);

    /// <summary>Writes a file into its folder.</summary>
    /// <returns>Its path.</returns>
    public string Write(string name, string text)
    {
        var path = Path.Combine(Folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }

    public async ValueTask DisposeAsync()
    {
        if (_mirror is not null) await _mirror.DisposeAsync();
        _api?.Dispose();
        // The mounts of a machine go with its first process.
        await _lab.DisposeAsync();
        await RemoveControlGroupsAsync($"cv-{_lab.Id}-*");
    }

    private Task ContainerdAsync(params IReadOnlyList<string> arguments) =>
        Task.WhenAll(_machines.Select(m => m.RunAsync(KubernetesBinaries.Of("ctr"), ["-a", "/run/containerd/containerd.sock", "-n", "k8s.io", .. arguments])));

    private string[] KubectlLine => [KubernetesBinaries.Of("kubectl"), "--kubeconfig", Path.Combine(Folder, "admin.kubeconfig"), "--cache-dir", Path.Combine(Folder, "kubectl-cache")];

    private async Task AddEndpointSlicesAsync()
    {
        await KubectlAsync("apply", "-f", Write("slices.yaml", KubernetesFiles.EndpointSlices));
        await KubectlAsync("wait", "--for=condition=Established", "crd/endpointslices.discovery.k8s.io", "--timeout=30s");
        _mirror = new EndpointMirror(_api!);
    }

    private async Task StartControlPlaneAsync()
    {
        _control = await _lab.AddNodeAsync("control");
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Authority(key);
        using var signing = RSA.Create(2048);
        var signer = Write("service-accounts.key", signing.ExportRSAPrivateKeyPem());
        var tokens = Write("tokens", $"{AdminToken},admin,1,\"system:masters\"\ntoken-of-node1,system:node:node1,2,\"system:nodes\"\ntoken-of-node2,system:node:node2,3,\"system:nodes\"\n");
        Write("admin.kubeconfig", KubernetesFiles.Kubeconfig(Server, AdminToken));
        string etcd = "http://127.0.0.1:2379", certificates = Path.Combine(Folder, "certificates");
        _control.Start("etcd", KubernetesBinaries.Of("etcd"), "--data-dir", Path.Combine(Folder, "etcd"), "--listen-client-urls", etcd, "--advertise-client-urls", etcd, "--listen-peer-urls", "http://127.0.0.1:2380");
        string[] ofOld = KubernetesBinaries.IsOld ? ["--runtime-config=discovery.k8s.io/v1beta1=false"] : [];
        _serverArguments =
            [
                $"--etcd-servers={etcd}",
                string.Create(CultureInfo.InvariantCulture, $"--secure-port={ApiPort}"),
                $"--cert-dir={certificates}",
                $"--token-auth-file={tokens}",
                "--authorization-mode=Node,RBAC",
                $"--service-account-key-file={signer}",
                $"--service-account-signing-key-file={signer}",
                "--service-account-issuer=https://kubernetes.default.svc",
                "--service-cluster-ip-range=10.96.0.0/16",
                "--allow-privileged",
                // There is no kube-proxy beside it: webhooks are reached by their pods' addresses.
                "--enable-aggregator-routing",
                "--kubelet-preferred-address-types=InternalIP",
                $"--kubelet-client-certificate={Path.Combine(Folder, "kubelet-client.pem")}",
                $"--kubelet-client-key={Path.Combine(Folder, "kubelet-client.key")}",
                $"--advertise-address={_control.Address4}",
                .. ofOld,
            ];
        _api = MakeClient();
        await StartServerAsync();
        _control.Start("kube-controller-manager", KubernetesBinaries.Of("kube-controller-manager"), $"--kubeconfig={Path.Combine(Folder, "admin.kubeconfig")}", "--leader-elect=false", $"--service-account-private-key-file={signer}", $"--root-ca-file={Path.Combine(certificates, "apiserver.crt")}", "--use-service-account-credentials=true");
        _control.Start("kube-scheduler", KubernetesBinaries.Of("kube-scheduler"), $"--kubeconfig={Path.Combine(Folder, "admin.kubeconfig")}", "--leader-elect=false");
    }

    private async Task AddMachineAsync(string name)
    {
        var machine = await Machine.StartAsync(await _lab.AddNodeAsync(name));
        _machines.Add(machine);
        // Where kube-proxy's addresses would go, if it did not take them before.
        await machine.Place.ScriptAsync($"ip route add default via {_control!.Address4}");
        foreach (var plugin in new[] { "bridge", "host-local", "loopback", "portmap", "ptp" }) await machine.RunAsync("cp", KubernetesBinaries.Of(plugin), "/opt/cni/bin/");
        await machine.RunAsync("cp", Write($"{name}.conflist", KubernetesFiles.Network(machine.Number)), "/etc/cni/net.d/10-pods.conflist");
        await StartProgramsAsync(machine);
    }

    /// <summary>Ends the API server, at once.</summary>
    public async Task StopServerAsync()
    {
        await _server!.KillAsync();
        await _server.DisposeAsync();
    }

    /// <summary>Starts the API server, and waits until it answers.</summary>
    public async Task StartServerAsync()
    {
        _server = _control!.Start("kube-apiserver", KubernetesBinaries.Of("kube-apiserver"), _serverArguments);
        await LabWait.UntilAsync("the API server is ready", IsReadyAsync, Deadline, _server);
    }

    /// <summary>Has a machine start anew, all at once, as after a power cut.</summary>
    public async Task RestartAsync(Machine machine)
    {
        await machine.RestartAsync();
        await StartProgramsAsync(machine);
    }

    private async Task StartProgramsAsync(Machine machine)
    {
        var (name, folder) = (machine.Name, machine.Folder);
        // containerd looks its own programs up.
        var path = $"PATH={KubernetesBinaries.Folder}:{Environment.GetEnvironmentVariable("PATH")}";
        var containerd = Write($"{name}.containerd.toml", KubernetesFiles.Containerd(Path.Combine(folder, "containerd")));
        var runtime = machine.Start("containerd", "env", path, KubernetesBinaries.Of("containerd"), "--config", containerd);

        // A kubelet that does not find it ends.
        await LabWait.UntilAsync($"containerd of {name} listens", () => File.Exists(machine.PathOf("/run/containerd/containerd.sock")), Deadline, runtime);
        var kubeconfig = Write($"{name}.kubeconfig", KubernetesFiles.Kubeconfig(Server, $"token-of-{name}"));
        var kubelet = Write($"{name}.kubelet.yaml", KubernetesFiles.Kubelet(machine.ControlGroup, Path.Combine(Folder, "authority.pem"), machine.StaticPods));
        string[] ofOld = KubernetesBinaries.IsOld ? ["--container-runtime=remote", "--container-runtime-endpoint=unix:///run/containerd/containerd.sock"] : [];
        machine.Start(
            "kubelet",
            "env",
            [
                path,
                KubernetesBinaries.Of("kubelet"),
                $"--config={kubelet}",
                $"--kubeconfig={kubeconfig}",
                $"--hostname-override={name}",
                $"--node-ip={machine.Address}",
                "--runtime-cgroups=/",
                $"--root-dir={Path.Combine(folder, "kubelet")}",
                .. ofOld,
            ]);
        var proxy = Write($"{name}.kube-proxy.yaml", KubernetesFiles.Proxy(Path.Combine(Folder, "admin.kubeconfig"), name));
        machine.Start("kube-proxy", "env", path, KubernetesBinaries.Of("kube-proxy"), $"--config={proxy}");
    }

    // Who signs what the API server shows kubelets, and that.
    private void Authority(ECDsa key)
    {
        var now = DateTimeOffset.UtcNow;
        var request = new CertificateRequest("CN=test authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        using var authority = request.CreateSelfSigned(now.AddHours(-1), now.AddDays(1));
        Write("authority.pem", authority.ExportCertificatePem());
        using var clientKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var client = new CertificateRequest("O=system:masters, CN=kube-apiserver", clientKey, HashAlgorithmName.SHA256);
        client.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.2")], critical: false));
        using var signed = client.Create(authority, now.AddHours(-1), now.AddHours(20), [1, 2, 3, 4]);
        Write("kubelet-client.pem", signed.ExportCertificatePem());
        Write("kubelet-client.key", clientKey.ExportECPrivateKeyPem());
    }

    // Its connections begin in the control plane's network.
    private HttpClient MakeClient()
    {
        var handler = new SocketsHttpHandler
        {
            SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true },
            ConnectCallback = async (_, cancellationToken) =>
            {
                var socket = _control!.CreateSocket(System.Net.Sockets.AddressFamily.InterNetwork);
                try
                {
                    await socket.ConnectAsync(_control.Address4, ApiPort, cancellationToken);
                    return new System.Net.Sockets.NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            },
        };
        return new HttpClient(handler) { BaseAddress = new Uri(Server + "/"), Timeout = Timeout.InfiniteTimeSpan, DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", AdminToken) } };
    }

    private async Task<bool> IsReadyAsync()
    {
        try
        {
            using var response = await _api!.GetAsync(new Uri("readyz", UriKind.Relative));
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false; // it does not listen yet
        }
    }

    private static Task RemoveControlGroupsAsync(string names) => Tool.RequireAsync("sh", ["-eu"], $"for h in /sys/fs/cgroup/*/{names}/; do if [ -d \"$h\" ]; then find \"$h\" -depth -type d -exec rmdir {{}} + 2> /dev/null || :; fi; done");
}

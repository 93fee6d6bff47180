using System.Diagnostics;

namespace Culvert.Controller.Tests;

/// <summary>The program itself: what it says to bad input, and with which exit code.</summary>
public sealed class ControllerCommandTests : IDisposable
{
    private const int CannotStart = 1;
    private const int BadOptions = 2;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private readonly TempFolder _folder = new();

    [Fact]
    public Task RunRefusesAFolderThatIsNotThere() =>
        RefusesAsync(BadOptions, $"--folder '{_folder.File("absent")}' is not a folder", "run", "--folder", _folder.File("absent"), "--state-dir", _folder.File("state"), "--unix-socket", _folder.File("c.sock"));

    [Theory]
    [InlineData("--folder or --kubernetes is required")]
    [InlineData("--folder and --kubernetes can't stand together", "--kubernetes", "--folder", "/tmp")]
    [InlineData("--context means something with --kubernetes only", "--folder", "/tmp", "--context", "here")]
    [InlineData("--attest-service-accounts means something with --kubernetes only", "--folder", "/tmp", "--attest-service-accounts")]
    [InlineData("--kubernetes: /tmp/culvert/absent/kubeconfig: can't be read", "--kubernetes", "--kubeconfig", "/tmp/culvert/absent/kubeconfig")]
    [InlineData("--agent-service-account takes NAMESPACE/NAME, not 'agent'", "--kubernetes", "--attest-service-accounts", "--agent-service-account", "agent")]
    [InlineData("--attest-audience must not be empty", "--kubernetes", "--attest-service-accounts", "--attest-audience", " ")]
    [InlineData("--roots-config-map means something with --kubernetes only", "--folder", "/tmp", "--roots-config-map", "a/b")]
    [InlineData("--kubernetes: /tmp/culvert/absent/kubeconfig: can't be read", "--kubernetes", "--roots-config-map", "a/b", "--kubeconfig", "/tmp/culvert/absent/kubeconfig")]
    [InlineData("--roots-config-map takes NAMESPACE/NAME, not 'a/b/c'", "--kubernetes", "--roots-config-map", "a/b/c")]
    [InlineData("--webhook means something with --kubernetes only", "--folder", "/tmp", "--webhook", "127.0.0.1:0")]
    [InlineData("--webhook-configuration means something with --kubernetes only", "--folder", "/tmp", "--webhook-configuration", "a")]
    [InlineData("--webhook takes ADDRESS:PORT, an IPv6 address in brackets, not '15017'", "--kubernetes", "--webhook", "15017")]
    [InlineData("--spire-server 'unix:relative' begins with neither unix:// nor tcp://", "--folder", "/tmp", "--spire-server", "unix:relative")]
    [InlineData("--spire-server 'unix://relative' names no absolute path", "--folder", "/tmp", "--spire-server", "unix://relative")]
    [InlineData("--spire-server takes unix:///PATH or HOST[:PORT], an IPv6 address in brackets, not 'https://spire'", "--folder", "/tmp", "--spire-server", "https://spire", "--spire-workload-api", "unix:///a")]
    [InlineData("--spire-server spire needs --spire-workload-api (or SPIFFE_ENDPOINT_SOCKET)", "--folder", "/tmp", "--spire-server", "spire")]
    [InlineData("--spire-workload-api 'tcp://spire:1' names no address and port", "--folder", "/tmp", "--spire-server", "spire", "--spire-workload-api", "tcp://spire:1")]
    [InlineData("--spire-workload-api means something with --spire-server HOST only", "--folder", "/tmp", "--spire-server", "unix:///a", "--spire-workload-api", "unix:///b")]
    [InlineData("--root-activation-seconds means nothing with --spire-server", "--folder", "/tmp", "--spire-server", "unix:///a", "--root-activation-seconds", "5")]
    [InlineData("--spire-signing means something with --spire-server only", "--folder", "/tmp", "--spire-signing", "mint")]
    [InlineData("--spire-signing takes mint or intermediate, not 'both'", "--folder", "/tmp", "--spire-server", "unix:///a", "--spire-signing", "both")]
    [InlineData("--spire-signing intermediate needs --spire-server HOST", "--folder", "/tmp", "--spire-server", "unix:///a", "--spire-signing", "intermediate")]
    [InlineData("--upstream-cert needs --upstream-key", "--folder", "/tmp", "--upstream-cert", "/a")]
    [InlineData("--upstream-key means something with --upstream-cert only", "--folder", "/tmp", "--upstream-key", "/a")]
    [InlineData("--upstream-roots means something with --upstream-cert, --vault or --cert-manager-issuer only", "--folder", "/tmp", "--upstream-roots", "/a")]
    [InlineData("--vault-pki means something with --vault only", "--folder", "/tmp", "--vault-pki", "a")]
    [InlineData("--vault needs one login: --vault-token-file, --vault-approle-id-file or --vault-kubernetes-role", "--folder", "/tmp", "--vault", "https://vault")]
    [InlineData("--vault needs one login", "--folder", "/tmp", "--vault", "https://vault", "--vault-token-file", "/a", "--vault-kubernetes-role", "b")]
    [InlineData("--vault-approle-id-file needs --vault-approle-secret-file", "--folder", "/tmp", "--vault", "https://vault", "--vault-approle-id-file", "/a")]
    [InlineData("--vault takes https://HOST[:PORT], not 'vault:8200'", "--folder", "/tmp", "--vault", "vault:8200", "--vault-token-file", "/a")]
    [InlineData("--vault http://vault would send tokens in the clear", "--folder", "/tmp", "--vault", "http://vault", "--vault-token-file", "/a")]
    [InlineData("--vault-pki takes the path of a mount", "--folder", "/tmp", "--vault", "https://vault", "--vault-token-file", "/a", "--vault-pki", "a/../sys")]
    [InlineData("--cert-manager-issuer needs --upstream-roots", "--kubernetes", "--cert-manager-issuer", "a/b")]
    [InlineData("--cert-manager-issuer takes NAMESPACE/NAME, not 'b'", "--kubernetes", "--cert-manager-issuer", "b", "--upstream-roots", "/a")]
    [InlineData("--cert-manager-issuer means something with --kubernetes only", "--folder", "/tmp", "--cert-manager-issuer", "a/b", "--upstream-roots", "/a")]
    [InlineData("--cert-manager-kind means something with --cert-manager-issuer only", "--folder", "/tmp", "--cert-manager-kind", "ClusterIssuer")]
    [InlineData("--upstream-cert takes the path of a file, not ''", "--folder", "/tmp", "--upstream-cert", "", "--upstream-key", "/a")]
    [InlineData("--upstream-key pkcs11:object=ca has a PIN in it that everybody on the machine can see", "--folder", "/tmp", "--upstream-cert", "/a", "--upstream-key", "pkcs11:object=ca?pin-value=1234")]
    [InlineData("--upstream-key pkcs11:object=ca has a PIN in it that everybody on the machine can see", "--folder", "/tmp", "--upstream-cert", "/a", "--upstream-key", "pkcs11:object=ca;pin-value=1234")]
    [InlineData("--upstream-key pkcs11: names no key", "--folder", "/tmp", "--upstream-cert", "/a", "--upstream-key", "pkcs11:?pin-source=file:/a")]
    [InlineData("--upstream-key pkcs11:object=ca has a pin-source that is no absolute path", "--folder", "/tmp", "--upstream-cert", "/a", "--upstream-key", "pkcs11:object=ca?pin-source=pin")]
    [InlineData("--crl takes the path of a file, not ''", "--folder", "/tmp", "--crl", "")]
    [InlineData("--vault-token-file takes the path of a file, not ''", "--folder", "/tmp", "--vault", "https://vault", "--vault-token-file", "")]
    [InlineData("--upstream-cert and --vault can't stand together", "--folder", "/tmp", "--vault", "https://vault", "--vault-token-file", "/a", "--upstream-cert", "/a", "--upstream-key", "/b")]
    [InlineData("--upstream-cert and --spire-server can't stand together", "--folder", "/tmp", "--spire-server", "unix:///a", "--upstream-cert", "/a", "--upstream-key", "/b")]
    [InlineData("--federation takes the path of a file, not ''", "--folder", "/tmp", "--federation", "")]
    [InlineData("--bundle-endpoint takes ADDRESS:PORT, an IPv6 address in brackets, not '8443'", "--folder", "/tmp", "--bundle-endpoint", "8443")]
    [InlineData("--bundle-endpoint-cert and --bundle-endpoint-key stand together", "--folder", "/tmp", "--bundle-endpoint", "127.0.0.1:0", "--bundle-endpoint-cert", "/a")]
    [InlineData("--bundle-endpoint-cert and --bundle-endpoint-key mean something with --bundle-endpoint only", "--folder", "/tmp", "--bundle-endpoint-cert", "/a", "--bundle-endpoint-key", "/b")]
    [InlineData("--spire-entries means something with --spire-server only", "--folder", "/tmp", "--spire-entries", "m", "--spire-entry-parent", "spiffe://td/{node.name}")]
    [InlineData("--spire-entries 'M.m' is not a DNS label", "--folder", "/tmp", "--spire-server", "unix:///a", "--spire-entries", "M.m", "--spire-entry-parent", "spiffe://td/{node.name}")]
    [InlineData("--spire-entries needs --spire-entry-parent", "--folder", "/tmp", "--spire-server", "unix:///a", "--spire-entries", "m")]
    [InlineData("--spire-entry-parent means something with --spire-entries only", "--folder", "/tmp", "--spire-server", "unix:///a", "--spire-entry-parent", "spiffe://td/a")]
    [InlineData("--spire-entry-ttl-seconds means something with --spire-entries only", "--folder", "/tmp", "--spire-server", "unix:///a", "--spire-entry-ttl-seconds", "5")]
    [InlineData("--spire-entry-parent takes spiffe://TRUST-DOMAIN/PATH with the trust domain written out, not 'spiffe://{node.name}/a'", "--folder", "/tmp", "--spire-server", "unix:///a", "--spire-entries", "m", "--spire-entry-parent", "spiffe://{node.name}/a")]
    [InlineData("--spire-entry-parent 'spiffe://td/{pod}' has braces around what is no placeholder", "--folder", "/tmp", "--spire-server", "unix:///a", "--spire-entries", "m", "--spire-entry-parent", "spiffe://td/{pod}")]
    [InlineData("the path holds an empty segment", "--folder", "/tmp", "--spire-server", "unix:///a", "--spire-entries", "m", "--spire-entry-parent", "spiffe://td//{node.name}")]
    [InlineData("--spire-entry-parent 'spiffe://td/spire/server' is not an agent", "--folder", "/tmp", "--spire-server", "unix:///a", "--spire-entries", "m", "--spire-entry-parent", "spiffe://td/spire/server")]
    [InlineData("--spire-entry-selector takes TYPE:VALUE, as k8s:ns:{namespace}, not 'ns'", "--folder", "/tmp", "--spire-server", "unix:///a", "--spire-entries", "m", "--spire-entry-parent", "spiffe://td/spire/agent/{node.name}", "--spire-entry-selector", "ns")]
    [InlineData("--spire-entry-selector 'k8s:pod:{pod}' has braces around what is no placeholder; there are {namespace} and {serviceAccount}", "--folder", "/tmp", "--spire-server", "unix:///a", "--spire-entries", "m", "--spire-entry-parent", "spiffe://td/spire/agent/{node.name}", "--spire-entry-selector", "k8s:pod:{pod}")]
    [InlineData("--spire-entry-selector: none has {serviceAccount} in it", "--folder", "/tmp", "--spire-server", "unix:///a", "--spire-entries", "m", "--spire-entry-parent", "spiffe://td/spire/agent/{node.name}", "--spire-entry-selector", "k8s:ns:{namespace}")]
    [InlineData("--spire-entry-dns-name 'a_b': with 'a' for what is in braces, 'a_b' is not a DNS name", "--folder", "/tmp", "--spire-server", "unix:///a", "--spire-entries", "m", "--spire-entry-parent", "spiffe://td/spire/agent/{node.name}", "--spire-entry-dns-name", "a_b")]
    [InlineData("--spire-entry-federates-with 'td' is the server's own trust domain", "--folder", "/tmp", "--spire-server", "unix:///a", "--spire-entries", "m", "--spire-entry-parent", "spiffe://td/spire/agent/{node.name}", "--spire-entry-federates-with", "spiffe://td")]
    [InlineData("--spire-entry-federates-with 'A': the trust domain holds 'A'", "--folder", "/tmp", "--spire-server", "unix:///a", "--spire-entries", "m", "--spire-entry-parent", "spiffe://td/spire/agent/{node.name}", "--spire-entry-federates-with", "A")]
    [InlineData("--spire-entry-ttl-seconds takes whole seconds, 0 to 31536000, not 1.5", "--folder", "/tmp", "--spire-server", "unix:///a", "--spire-entries", "m", "--spire-entry-parent", "spiffe://td/spire/agent/{node.name}", "--spire-entry-ttl-seconds", "1.5")]
    [InlineData("--webhook-configuration 'A/b' is not a DNS name", "--kubernetes", "--webhook-configuration", "A/b")]
    public Task RunRefusesSourcesThatDoNotFitEachOther(string reason, params string[] options) =>
        RefusesAsync(BadOptions, reason, ["run", "--state-dir", _folder.File("state"), "--unix-socket", _folder.File("c.sock"), .. options]);

    [Theory]
    [InlineData("10.0.0.5")]
    [InlineData("::1")]
    [InlineData("[::1]")]
    [InlineData("fd00::5:15012")]
    [InlineData("localhost:15012")]
    [InlineData("127.0.0.1:70000")]
    public Task RunRefusesAnAddressWithoutAPort(string listen) =>
        RefusesAsync(BadOptions, $"--listen takes ADDRESS:PORT, an IPv6 address in brackets, not '{listen}'", "run", "--folder", _folder.Path, "--state-dir", _folder.File("state"), "--listen", listen);

    [Theory]
    [InlineData("-1")]
    [InlineData("1e300")]
    [InlineData("NaN")]
    public Task RunRefusesAnActivationThatIsNoTime(string seconds) =>
        RefusesAsync(BadOptions, "--root-activation-seconds takes 0 to 2592000", "run", "--folder", _folder.Path, "--state-dir", _folder.File("state"), "--listen", "127.0.0.1:0", $"--root-activation-seconds={seconds}");

    [Theory]
    [InlineData("192.0.2.1:0")]
    [InlineData("[2001:db8::1]:0")]
    public Task RunSaysWhenTheAddressIsNotTheMachines(string listen) =>
        RefusesAsync(CannotStart, $"can't listen on {listen}: ", "run", "--folder", _folder.Path, "--state-dir", _folder.File("state"), "--listen", listen);

    [Theory]
    [InlineData(96)]
    [InlineData(128)]
    public async Task RunSaysWhenItMayHaveTooFewDescriptors(int limit)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "culvert-controller");
        var start = new ProcessStartInfo("/bin/sh", ["-c", $"ulimit -n {limit}; exec '{program}' run --folder '{_folder.Path}' --state-dir '{_folder.File("state")}' --listen 127.0.0.1:0"]) { RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        using var timeout = new CancellationTokenSource(Patience);
        string said = await process.StandardError.ReadToEndAsync(timeout.Token);
        await process.WaitForExitAsync(timeout.Token);
        Assert.StartsWith($"culvert-controller: this process may have {limit} descriptors, and the controller needs 512; raise the limit: ", said, StringComparison.Ordinal);
        Assert.Equal(CannotStart, process.ExitCode);
        Assert.Single(said.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task WithoutMemoryItEndsAndDoesNotLookAsIfItServed()
    {
        // While it runs, as what tells of changes would end and nothing else.
        string objects = Directory.CreateDirectory(_folder.File("objects")).FullName;
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "culvert-controller"), ["run", "--folder", objects, "--state-dir", _folder.File("state"), "--listen", "127.0.0.1:0"])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            Environment = { ["DOTNET_GCHeapHardLimit"] = "0x4000000", ["DOTNET_DbgEnableMiniDump"] = "0" },
        };
        using Process process = Process.Start(start)!;
        try
        {
            using var timeout = new CancellationTokenSource(Patience);
            while (await process.StandardOutput.ReadLineAsync(timeout.Token) is { } line && !line.Contains("There is no MeshConfig", StringComparison.Ordinal))
            {
                // Until it serves.
            }
            Task<string> said = process.StandardError.ReadToEndAsync(timeout.Token);
            for (int file = 0; file < 10; file++)
                await File.WriteAllTextAsync(Path.Combine(objects, $"{file}.yaml"), string.Concat(Enumerable.Range(0, 20_000).Select(i => Objects.Workload($"w{file}-{i}", $"10.{file}.{i >> 8}.{i & 255}"))), timeout.Token);
            await process.WaitForExitAsync(timeout.Token);
            Assert.Contains("out of memory", await said, StringComparison.Ordinal);
            Assert.NotEqual(0, process.ExitCode);
        }
        finally
        {
            process.Kill();
        }
    }

    [Fact]
    public Task RunSaysWhenTheStateFolderCanNotBeMade() =>
        RefusesAsync(CannotStart, "/proc/x", "run", "--folder", _folder.Path, "--state-dir", "/proc/x", "--listen", "127.0.0.1:0");

    [Theory]
    [InlineData("BAD_Name!", "1", "--node 'BAD_Name!' is not a DNS name")]
    [InlineData("node-1", "1e300", "--hours takes more than 0 and at most 8760, not 1E+300")]
    [InlineData("node-1", "-3", "--hours takes more than 0 and at most 8760, not -3")]
    [InlineData("node-1", "0", "--hours takes more than 0 and at most 8760, not 0")]
    [InlineData("node-1", "NaN", "--hours takes more than 0 and at most 8760, not NaN")]
    [InlineData("node-1", "soon", "--hours: 'soon' is not a number\n  see `culvert-controller token create --help`\n")]
    public Task TokenRefusesBadOptions(string node, string hours, string reason) =>
        RefusesAsync(BadOptions, reason, "token", "create", "--node", node, $"--hours={hours}", "--state-dir", _folder.File("state"));

    [Fact]
    public Task AnOptionGivenTwiceIsSaidToBe() =>
        RefusesAsync(BadOptions, "culvert-controller: --state-dir: given 2 times, and can be given once\n", "node", "list", "--state-dir", _folder.File("a"), "--state-dir", _folder.File("b"));

    [Fact]
    public async Task TokenIsNotMadeInAFolderThatNoControllerHasUsed()
    {
        string state = _folder.File("state");
        await RefusesAsync(CannotStart, $"no token can be made: --state-dir '{state}' is not the state folder of a controller that has run\n", "token", "create", "--node", "node-1", "--state-dir", state);
        Assert.False(Directory.Exists(state));
    }

    [Fact]
    public Task MissingOptionsAreBadOptions() => RefusesAsync(BadOptions, "--node", "token", "create");

    [Fact]
    public async Task HelpIsNoError() => Assert.Contains("--folder", await RunAsync(0, "run", "--help"), StringComparison.Ordinal);

    [Fact]
    public async Task ASecondControllerOnAStateFolderIsRefusedAndCommandsBesideTheFirstAreNot()
    {
        await using Running first = await Running.StartAsync();
        string state = first.Folder.File("state");
        string[] second = ["run", "--folder", _folder.Path, "--state-dir", state, "--unix-socket", _folder.File("second.sock")];
        await RefusesAsync(CannotStart, $"another controller uses --state-dir '{state}'; stop that one, or give this one a folder of its own\n", second);
        Assert.Matches("^[0-9a-f]{64}\n", await RunAsync(0, "token", "create", "--node", "node-1", "--state-dir", state));
        Assert.Contains("NODE", await RunAsync(0, "node", "list", "--state-dir", state), StringComparison.Ordinal);
        _ = await RunAsync(0, "node", "revoke", "node-1", "--state-dir", state);
        _ = await RunAsync(0, "root", "list", "--state-dir", state);

        await first.Host.DisposeAsync();
        await using ControllerHost next = await ControllerHost.StartAsync(Running.Options(first.Folder), TestContext.Current.CancellationToken);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(state, "controller.lock")));
    }

    public void Dispose() => _folder.Dispose();

    private static async Task RefusesAsync(int code, string reason, params string[] args)
    {
        string said = await RunAsync(code, args);
        Assert.Contains(reason, said, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", said, StringComparison.Ordinal);
        Assert.DoesNotContain("Usage:", said, StringComparison.Ordinal);
    }

    private static async Task<string> RunAsync(int code, params string[] args)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "culvert-controller"), args) { RedirectStandardError = true, RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        using var timeout = new CancellationTokenSource(Patience);
        Task<string> error = process.StandardError.ReadToEndAsync(timeout.Token);
        string output = await process.StandardOutput.ReadToEndAsync(timeout.Token);
        await process.WaitForExitAsync(timeout.Token);
        string said = output + await error;
        Assert.True(code == process.ExitCode, $"exit code {process.ExitCode}: {said}");
        return said;
    }
}

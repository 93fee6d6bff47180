using Culvert.Kubernetes.Authentication;
using Culvert.Kubernetes.Configuration;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Tests.Shared;

namespace Culvert.Kubernetes.Tests.Authentication;

/// <summary>Programs that say credentials.</summary>
public sealed class ExecPluginTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly ManualTime _time = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task ItIsToldWhatItNeedsAndItsTokenIsKept()
    {
        using ExecPlugin plugin = Plugin($$"""echo run >> {{_folder.File("runs")}}; echo "$KUBERNETES_EXEC_INFO" > {{_folder.File("told")}}; {{Say($"\"token\":\"$1-$EXTRA\"")}}""");
        Credential first = await plugin.GetAsync(Stop);
        Assert.Equal("a-b", first.Token);
        Assert.Same(first, await plugin.GetAsync(Stop));
        Assert.Single(File.ReadLines(_folder.File("runs")));
        string told = File.ReadAllText(_folder.File("told"));
        Assert.Contains("\"interactive\":false", told, StringComparison.Ordinal);
        Assert.Contains("\"server\":\"https://127.0.0.1:1\"", told, StringComparison.Ordinal);
        Assert.Contains("\"config\":{\"x\":1}", told, StringComparison.Ordinal);

        plugin.Refuse(first);
        Assert.NotSame(first, await plugin.GetAsync(Stop));
        // Who was given an older one says nothing about the new one.
        plugin.Refuse(first);
        await plugin.GetAsync(Stop);
        Assert.Equal(2, File.ReadLines(_folder.File("runs")).Count());
    }

    [Fact]
    public async Task ItRunsAgainBeforeWhatItSaidExpires()
    {
        string until = _time.GetUtcNow().AddMinutes(2).ToString("O", System.Globalization.CultureInfo.InvariantCulture);
        using ExecPlugin plugin = Plugin($$"""echo run >> {{_folder.File("runs")}}; {{Say($"\"token\":\"t\",\"expirationTimestamp\":\"{until}\"")}}""");
        await plugin.GetAsync(Stop);
        _time.Advance(TimeSpan.FromSeconds(107));
        await plugin.GetAsync(Stop);
        Assert.Single(File.ReadLines(_folder.File("runs")));
        _time.Advance(TimeSpan.FromSeconds(2));
        await plugin.GetAsync(Stop);
        Assert.Equal(2, File.ReadLines(_folder.File("runs")).Count());
    }

    [Fact]
    public async Task APluginOfV1Beta1IsToldInItsVersionAndAnswersInIt()
    {
        string answer = Say("\"token\":\"t\"").Replace("/v1", "/v1beta1", StringComparison.Ordinal);
        using ExecPlugin plugin = Plugin($"echo \"$KUBERNETES_EXEC_INFO\" > {_folder.File("told")}; {answer}", "v1beta1");
        Assert.Equal("t", (await plugin.GetAsync(Stop)).Token);
        Assert.Contains("\"apiVersion\":\"client.authentication.k8s.io/v1beta1\"", File.ReadAllText(_folder.File("told")), StringComparison.Ordinal);

        using ExecPlugin other = Plugin(Say("\"token\":\"t\""), "v1beta1");
        ApiException error = await Assert.ThrowsAsync<ApiException>(async () => await other.GetAsync(Stop));
        Assert.Contains("not an ExecCredential of client.authentication.k8s.io/v1beta1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ManyWaitForOneRun()
    {
        using ExecPlugin plugin = Plugin($$"""echo run >> {{_folder.File("runs")}}; {{Say("\"token\":\"t\"")}}""");
        Credential[] all = await Soon.Ends(Task.WhenAll(Enumerable.Range(0, 20).Select(_ => plugin.GetAsync(Stop).AsTask())));
        Assert.Single(all.Distinct());
        Assert.Single(File.ReadLines(_folder.File("runs")));
    }

    [Theory]
    [InlineData("echo nonsense", "no ExecCredential in JSON")]
    [InlineData("echo '{}'", "not an ExecCredential")]
    [InlineData("echo '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\"}'", "has no status")]
    [InlineData("echo '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{}}'", "neither status.token")]
    [InlineData("echo '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"t\",\"expirationTimestamp\":\"2020-01-01T00:00:00Z\"}}'", "has expired")]
    [InlineData("echo log in first >&2; exit 3", "ended with status 3 and wrote: log in first")]
    [InlineData("head -c 2000000 /dev/zero", "more than 1048576 bytes")]
    public async Task WhatIsWrongWithItIsSaid(string script, string reason)
    {
        using ExecPlugin plugin = Plugin(script);
        ApiException error = await Assert.ThrowsAsync<ApiException>(async () => await plugin.GetAsync(Stop));
        Assert.Equal(ApiFailure.NoCredentials, error.Failure);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ComplaintsAreBounded()
    {
        using ExecPlugin plugin = Plugin("head -c 500000 /dev/zero | tr '\\0' x >&2; exit 1");
        ApiException error = await Assert.ThrowsAsync<ApiException>(async () => await plugin.GetAsync(Stop));
        Assert.InRange(error.Message.Length, 4096, 4400);
    }

    [Theory]
    [InlineData("printf '\\033]0;x\\007\\033[2J\\nculvert: all is fine\\r' >&2; exit 1", @"wrote: \u001b]0;x\u0007\u001b[2J\u000aculvert: all is fine")]
    [InlineData("""echo '{"kind":"a\u001b[2J\u202e","apiVersion":"v"}'""", @"a a\u001b[2J\u202e of v")]
    public async Task Control_characters_of_a_plugin_are_escaped(string script, string expected)
    {
        using ExecPlugin plugin = Plugin(script);
        ApiException error = await Assert.ThrowsAsync<ApiException>(async () => await plugin.GetAsync(Stop));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(error.Message, char.IsControl);
    }

    [Fact]
    public async Task AProgramThatIsNotThereIsNamedWithTheHint()
    {
        using var plugin = new ExecPlugin(Settings("/not/there", "get it there"), Configuration(), _time, new());
        ApiException error = await Assert.ThrowsAsync<ApiException>(async () => await plugin.GetAsync(Stop));
        Assert.Contains("'/not/there' can't be started", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("; get it there", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatTakesTooLongIsKilledWithItsChildren()
    {
        // The child holds the lock as long as it lives.
        string file = _folder.File("lock"), started = _folder.File("started");
        using ExecPlugin plugin = Plugin($"exec 9>{file}; flock 9; sh -c 'touch {started}; sleep 1000; true' & sleep 1000");
        Task<Credential> asked = plugin.GetAsync(Stop).AsTask();
        await Soon.Holds("the plugin runs", () => File.Exists(started));
        _time.Advance(TimeSpan.FromSeconds(60));
        ApiException error = await Assert.ThrowsAsync<ApiException>(() => Soon.Ends(asked));
        Assert.Contains("was not done after 60 s", error.Message, StringComparison.Ordinal);
        await Cluster.Tool.RunAsync("flock", "", [file, "true"]);
    }

    [Fact]
    public async Task WhoStopsWaitingEndsIt()
    {
        string file = _folder.File("lock"), started = _folder.File("started");
        using ExecPlugin plugin = Plugin($"exec 9>{file}; flock 9; touch {started}; sleep 1000");
        using var stop = new CancellationTokenSource();
        Task<Credential> asked = plugin.GetAsync(stop.Token).AsTask();
        await Soon.Holds("the plugin runs", () => File.Exists(started));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Soon.Ends(asked));
        await Cluster.Tool.RunAsync("flock", "", [file, "true"]);
    }

    private static string Say(string status) => "cat <<END\n{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{" + status + "}}\nEND";

    private ExecPlugin Plugin(string script, string version = "v1") => new(Settings(_folder.Script("plugin", script), null, version), Configuration(), _time, new());

    private static ExecSettings Settings(string command, string? hint, string version = "v1") => new()
    {
        ApiVersion = $"client.authentication.k8s.io/{version}",
        Command = command,
        Arguments = ["a"],
        Environment = [new("EXTRA", "b")],
        InstallHint = hint,
        ProvideClusterInfo = true,
        ClusterConfig = """{"x":1}""",
    };

    private static ClusterConfiguration Configuration() => new() { Server = new Uri("https://127.0.0.1:1"), Origin = "a test" };
}

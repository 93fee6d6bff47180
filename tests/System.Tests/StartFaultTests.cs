using System.Net;
using System.Net.Sockets;
using Culvert.Labs;
using Culvert.SystemTests.Fixtures;

namespace Culvert.SystemTests;

[Collection(MeshCollection.Name)]
public sealed class StartFaultTests : IAsyncLifetime
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);
    private Lab _lab = null!;
    private LabNode _node = null!;

    private static string Agent => LabPrograms.Agent;

    private string NotAFolder => Path.Combine(_node.Folder, "file");

    public async ValueTask InitializeAsync()
    {
        _lab = await Lab.CreateAsync();
        _node = await _lab.AddNodeAsync("solo");
        await File.WriteAllTextAsync(NotAFolder, "garbage");
    }

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    [Theory]
    [InlineData(15001, "--outbound-port 15001")]
    [InlineData(15008, "--tunnel-port 15008")]
    [InlineData(15020, "--metrics 127.0.0.1:15020")]
    [InlineData(15021, "--readiness 127.0.0.1:15021")]
    public async Task A_port_that_is_taken_is_named_with_its_option(int port, string option)
    {
        using var taken = _node.CreateSocket(AddressFamily.InterNetwork);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, port));
        taken.Listen();

        await AssertFailsAsync([], option, "in use", "ss -lt");
    }

    [Theory]
    [InlineData("--bpffs", "mount -t bpf")]
    [InlineData("--run-dir", "folder")]
    [InlineData("--state-dir", "folder")]
    [InlineData("--datapath-object", "ELF")]
    [InlineData("--bootstrap-roots", "holds no certificate")]
    public async Task A_file_or_folder_that_cannot_be_used_is_named_with_its_option(string option, string reason) =>
        await AssertFailsAsync(new() { [option] = NotAFolder }, $"{option} {NotAFolder}", reason);

    [Fact]
    public async Task An_admin_socket_that_is_no_socket_is_named()
    {
        var folder = Directory.CreateDirectory(Path.Combine(_node.Folder, "run"));
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "agent.sock"), "x");

        await AssertFailsAsync([], "--run-dir", "agent.sock");
    }

    [Fact]
    public async Task Folders_that_another_agent_uses_are_named_with_their_option_and_free_when_it_is_gone()
    {
        var other = Path.Combine(_node.Folder, "other");
        var first = _node.Start("first", Agent, ["run", .. Options([])]);
        await LabWait.UntilAsync("the first agent runs", () => File.Exists(Path.Combine(_node.Folder, "run", "agent.sock")), Deadline, first);

        await AssertFailsAsync(new() { ["--run-dir"] = other }, "--state-dir", "another agent uses");
        await AssertFailsAsync(new() { ["--run-dir"] = other, ["--state-dir"] = other }, $"--bpffs {_node.BpfFolder}", "another agent uses", "--run-dir");

        await first.KillAsync();
        var second = _node.Start("second", Agent, ["run", .. Options(new() { ["--run-dir"] = other })]);
        await LabWait.UntilAsync("the second agent runs", () => File.Exists(Path.Combine(other, "agent.sock")), Deadline, second);
        await second.KillAsync();
    }

    [Theory]
    [InlineData("--loops", "many", "a whole number")]
    [InlineData("--drain-seconds", "soon", "a number")]
    [InlineData("--tunnel-port", "http", "a port, 1 to 65535")]
    [InlineData("--xdp", "perhaps", "one of auto, on, off")]
    public async Task A_value_of_the_wrong_kind_is_named_in_one_line_with_what_the_option_takes(string option, string value, string takes)
    {
        var run = await _node.RunAsync(Agent, ["run", .. Options(new() { [option] = value })]);

        Assert.Equal(2, run.ExitCode);
        Assert.Empty(run.Output);
        Assert.Equal([$"culvert-agent: {option}: '{value}' is not {takes}", "  see `culvert-agent run --help`"], run.Error.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task A_missing_capability_is_named()
    {
        var run = await _node.RunAsync("setpriv", ["--bounding-set=-net_admin", "--inh-caps=-net_admin", Agent, "run", .. Options([])]);

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("CAP_NET_ADMIN", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Too_few_descriptors_are_named_with_what_is_needed()
    {
        var run = await _node.RunAsync("sh", ["-c", "ulimit -n 256 && exec \"$0\" run \"$@\"", Agent, .. Options([])]);

        Assert.Equal(1, run.ExitCode);
        var line = Assert.Single(run.Error.Trim().Split('\n'));
        Assert.All(["256", "512", "ulimit -n", "LimitNOFILE"], part => Assert.Contains(part, line, StringComparison.Ordinal));
    }

    private async Task AssertFailsAsync(Dictionary<string, string> options, params string[] parts)
    {
        var run = await _node.RunAsync(Agent, ["run", .. Options(options)]);

        Assert.Equal(1, run.ExitCode);
        var line = Assert.Single(run.Error.Trim().Split('\n'));
        Assert.All(parts, part => Assert.Contains(part, line, StringComparison.Ordinal));
    }

    private IEnumerable<string> Options(Dictionary<string, string> changed)
    {
        var options = new Dictionary<string, string>
        {
            ["--node"] = _node.Name,
            ["--bpffs"] = _node.BpfFolder,
            ["--run-dir"] = Path.Combine(_node.Folder, "run"),
            ["--state-dir"] = Path.Combine(_node.Folder, "state"),
            ["--controller"] = "unix://" + Path.Combine(_node.Folder, "none.sock"),
            ["--metrics"] = "127.0.0.1:15020",
            ["--readiness"] = "127.0.0.1:15021",
            ["--drain-seconds"] = "1",
        };
        foreach (var (option, value) in changed)
        {
            options[option] = value;
        }

        return options.SelectMany(o => new[] { o.Key, o.Value });
    }
}

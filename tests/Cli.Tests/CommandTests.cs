using System.Diagnostics;
using System.Text.Json;
using Culvert.Cli.CommandLine;
using Culvert.Cli.Commands;
using Culvert.Core;
using Culvert.Protocol.V1;
using TransportProtocol = Culvert.Protocol.V1.TransportProtocol;
using Verdict = Culvert.Protocol.V1.Verdict;

namespace Culvert.Cli.Tests;

public sealed class CommandTests
{
    [Theory]
    [InlineData(ExitCode.Usage, "flowz")]
    [InlineData(ExitCode.Usage, "status", "--output", "yaml")]
    [InlineData(ExitCode.Usage, "detach")]
    [InlineData(ExitCode.Usage, "up")]
    [InlineData(ExitCode.BadInput, "up", "-f", "/nonexistent")]
    [InlineData(ExitCode.BadInput, "up", "-f", "/", "--metrics", "here")]
    [InlineData(ExitCode.BadInput, "up", "-f", "/", "--metrics", "127.0.0.1")]
    [InlineData(ExitCode.BadInput, "up", "-f", "/", "--node", "Node_1")]
    [InlineData(ExitCode.BadInput, "up", "-f", "/", "--udp-port", "0", "--outbound-port", "1", "--tunnel-port", "2", "--drain-seconds", "3", "--loops", "4")]
    [InlineData(ExitCode.Usage, "explain", "shop/web")]
    [InlineData(ExitCode.Usage, "check", "--controller", "10.0.0.5")]
    [InlineData(ExitCode.Usage, "check", "--controller", "https://10.0.0.5:15012")]
    [InlineData(ExitCode.Usage, "status", "--admin-socket", "")]
    [InlineData(ExitCode.Usage, "detach", "--all", "--admin-socket", "")]
    [InlineData(ExitCode.Usage, "detach", "--all", "--bpffs", "")]
    [InlineData(ExitCode.Usage, "detach", "--all", "--purge", "--state-dir", "")]
    [InlineData(ExitCode.Usage, "detach", "--all", "--lab-dir", "")]
    [InlineData(ExitCode.CannotConnect, "status", "--admin-socket", "/nonexistent/agent.sock")]
    [InlineData(ExitCode.CannotConnect, "flows", "--admin-socket", "/nonexistent/agent.sock")]
    [InlineData(ExitCode.BadInput, "explain", "shop/web", "shop/api")]
    [InlineData(ExitCode.BadInput, "explain", "shop/web", "shop/api:0")]
    [InlineData(ExitCode.BadInput, "explain", "shop/web", "fd00::1:80")]
    [InlineData(ExitCode.BadInput, "explain", "shop/web", "shop/api:80/sctp")]
    [InlineData(ExitCode.BadInput, "explain", "shop/web", "shop/api:80", "--from", "10.1.2.3")]
    [InlineData(ExitCode.CannotConnect, "explain", "spiffe://two.example/x", "shop/api:80", "--from", "10.1.2.3", "--admin-socket", "/nonexistent/agent.sock")]
    [InlineData(ExitCode.CannotConnect, "top", "--admin-socket", "/nonexistent/agent.sock")]
    [InlineData(ExitCode.Usage, "top", "--interval", "0")]
    [InlineData(ExitCode.BadInput, "flows", "-s", "999.1.1.1")]
    [InlineData(ExitCode.BadInput, "flows", "-d", "10.0.0.0/8")]
    [InlineData(ExitCode.BadInput, "flows", "--port", "0")]
    [InlineData(ExitCode.CannotConnect, "flows", "-s", "spiffe://t/ns/shop/sa/web", "-d", "shop/*", "--admin-socket", "/nonexistent/agent.sock")]
    [InlineData(ExitCode.Ok, "version", "--admin-socket", "/nonexistent/agent.sock")]
    [InlineData(ExitCode.Ok, "completion", "bash")]
    public async Task Each_end_has_its_exit_code(object code, params string[] args)
    {
        var run = await RunAsync(args);

        Assert.Equal((ExitCode)code, run.Code);
    }

    [Fact]
    public async Task Every_command_has_help_with_examples_and_exit_codes()
    {
        var commands = CommandLineRunner.CreateRoot().Subcommands;
        foreach (string[] words in commands.Select(c => new[] { c.Name }).Concat(commands.SelectMany(c => c.Subcommands.Select(s => new[] { c.Name, s.Name }))))
        {
            var run = await RunAsync([.. words, "--help"]);

            Assert.Equal(ExitCode.Ok, run.Code);
            Assert.Contains("Examples:", run.Output, StringComparison.Ordinal);
            Assert.Contains("Exit codes:", run.Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Errors_are_json_when_json_is_asked_for()
    {
        var run = await RunAsync("status", "-o", "json", "--admin-socket", "/nonexistent/agent.sock");

        using var error = JsonDocument.Parse(run.Error);
        Assert.Equal(3, error.RootElement.GetProperty("exitCode").GetInt32());
        Assert.Contains("/nonexistent/agent.sock", error.RootElement.GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("flowz", "-o", "json")]
    [InlineData("status", "--nonsense", "--output=json")]
    [InlineData("explain", "-o", "json", "shop/web")]
    [InlineData("-o:json", "up")]
    [InlineData("detach", "-o", "json")]
    public async Task Errors_of_the_command_line_itself_are_json_when_json_is_asked_for(params string[] args)
    {
        var run = await RunAsync(args);

        Assert.Equal(ExitCode.Usage, run.Code);
        Assert.Empty(run.Output);
        using var error = JsonDocument.Parse(run.Error);
        Assert.Equal((int)ExitCode.Usage, error.RootElement.GetProperty("exitCode").GetInt32());
        Assert.NotEmpty(error.RootElement.GetProperty("error").GetString()!);
    }

    [Theory]
    [InlineData("--last: 'many' is not a whole number, 0 or more", "flows", "flows", "--last", "many")]
    [InlineData("--port: 'http' is not a port, 1 to 65535", "flows", "flows", "-p", "http")]
    [InlineData("--verdict: 'maybe' is not one of allow, deny, error", "flows", "flows", "--verdict", "maybe")]
    [InlineData("--output: 'yaml' is not one of text, json", "status", "status", "--output", "yaml")]
    [InlineData("--drain-seconds: 'soon' is not a number", "up", "up", "-f", "/tmp", "--drain-seconds", "soon")]
    [InlineData("--xdp: 'perhaps' is not one of auto, on, off", "up", "up", "-f", "/tmp", "--xdp", "perhaps")]
    [InlineData("--state-dir: given 2 times, and can be given once", "detach", "detach", "--all", "--state-dir", "/a", "--state-dir", "/b")]
    [InlineData("--output: given 2 times, and can be given once", "status", "status", "-o", "text", "--output", "text")]
    [InlineData("--last: given 3 times, and can be given once", "flows", "flows", "--last", "1", "--last", "2", "--last", "3")]
    [InlineData("--node: a value is missing; it has to be of the form NAME", "up", "up", "-f", "/tmp", "--node")]
    public async Task A_wrong_value_is_one_line_with_option_value_and_what_it_takes(string message, string command, params string[] args)
    {
        var run = await RunAsync(args);

        Assert.Equal(ExitCode.Usage, run.Code);
        Assert.Empty(run.Output);
        Assert.Equal([$"culvert: {message}", $"  see `culvert {command} --help`"], run.Error.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task Errors_of_the_command_line_itself_are_text_otherwise()
    {
        var run = await RunAsync("status", "--nonsense", "--", "-o", "json");

        Assert.Equal(ExitCode.Usage, run.Code);
        Assert.DoesNotContain("{", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Detach_names_the_privileges_that_it_lacks()
    {
        var error = Assert.Throws<CliException>(() => DetachCommand.RequirePrivileges(["CAP_BPF (programs and maps)"]));

        Assert.Equal(ExitCode.Unsupported, error.Code);
        Assert.Contains("CAP_BPF", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false, "--bpffs", "/sys/fs/bpf/two")]
    [InlineData(false, "--state-dir", "/var/lib/two")]
    [InlineData(false, "--admin-socket", "/run/two/agent.sock")]
    [InlineData(false, "--run-dir", "/run/two")]
    [InlineData(true, "--admin-socket", "/run/two/agent.sock", "--lab-dir", "/run/culvert/lab")]
    [InlineData(true, "--lab-dir", "/run/culvert/lab")]
    [InlineData(true, "--purge")]
    public void Detach_removes_labs_unless_only_other_places_are_named(bool labs, params string[] args) =>
        Assert.Equal(labs ? "/run/culvert/lab" : null, DetachCommand.PlacesOf(CommandLineRunner.CreateRoot().Parse(["detach", "--all", .. args])).LabRoot);

    [Theory]
    [InlineData(true, "/run/culvert", "--lab-dir", "/run/culvert/lab")]
    [InlineData(false, "/run/culvert", "--lab-dir", "/run/culvert/lab", "--bpffs", "/sys/fs/bpf/two")]
    [InlineData(false, "/run/two", "--run-dir", "/run/two")]
    [InlineData(false, "/run/three", "--run-dir", "/run/two", "--admin-socket", "/run/three/agent.sock")]
    [InlineData(false, "/run/culvert")]
    public void Detach_of_labs_alone_leaves_agents(bool isLabsOnly, string runFolder, params string[] args)
    {
        var places = DetachCommand.PlacesOf(CommandLineRunner.CreateRoot().Parse(["detach", "--all", .. args]));
        Assert.Equal((isLabsOnly, runFolder), (places.IsLabsOnly, places.RunFolder));
    }

    [Fact]
    public async Task A_socket_that_is_closed_to_this_user_is_told_from_no_agent()
    {
        await using var agent = await FakeAgent.StartAsync();
        var folder = Directory.CreateTempSubdirectory("cv-closed-").FullName;
        var socket = Path.Combine(folder, "agent.sock");
        File.CreateSymbolicLink(socket, agent.Socket);
        File.SetUnixFileMode(folder, UnixFileMode.None);
        try
        {
            // A user who may not enter the folder, which root may without these capabilities neither.
            var status = await RunUnprivilegedAsync("status", "--admin-socket", socket);
            var version = await RunUnprivilegedAsync("version", "--admin-socket", socket);

            Assert.Equal(ExitCode.Unsupported, status.Code);
            Assert.Equal([$"culvert: permission denied: {socket}, the agent's admin socket, is closed to this user", "  run it as root (sudo)"], status.Said.TrimEnd().Split('\n'));
            Assert.Equal(ExitCode.Ok, version.Code);
            Assert.Contains("agent   not known: permission denied", version.Said, StringComparison.Ordinal);
        }
        finally
        {
            File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Status_shows_the_agents_answer_and_tells_readiness_by_exit_code()
    {
        await using var agent = await FakeAgent.StartAsync();

        var run = await RunAsync("status", "-o", "json", "--admin-socket", agent.Socket);
        var text = await RunAsync("status", "--admin-socket", agent.Socket);
        agent.Ready = false;
        var notReady = await RunAsync("status", "--admin-socket", agent.Socket);

        Assert.Equal(ExitCode.Ok, run.Code);
        using var status = JsonDocument.Parse(run.Output);
        var workload = status.RootElement.GetProperty("workloads")[0];
        Assert.Equal("shop/web", workload.GetProperty("uid").GetString());
        Assert.Equal(["10.1.2.3", "fd00::1"], workload.GetProperty("addresses").EnumerateArray().Select(a => a.GetString()));
        Assert.Equal(4, status.RootElement.GetProperty("drops").GetProperty("policy-deny").GetInt32());
        Assert.All(Meaning("policy-deny"), words => Assert.Contains(words, text.Output, StringComparison.Ordinal));
        Assert.Contains("spiffe://t/ns/shop/sa/web", text.Output, StringComparison.Ordinal);
        var problem = status.RootElement.GetProperty("objects").GetProperty("problems")[0];
        Assert.Equal(
            ("error", "mesh.yaml", 4, "MeshConfig default", "spec.mtls.mode"),
            (problem.GetProperty("severity").GetString(), problem.GetProperty("file").GetString(), problem.GetProperty("line").GetInt32(), problem.GetProperty("object").GetString(), problem.GetProperty("field").GetString()));
        Assert.True(problem.GetProperty("lastGoodInForce").GetBoolean());
        Assert.Equal((0, 1), (status.RootElement.GetProperty("objects").GetProperty("rejected").GetInt32(), status.RootElement.GetProperty("objects").GetProperty("lastGoodKept").GetInt32()));
        Assert.Contains("last good", text.Output, StringComparison.Ordinal);
        Assert.Contains("1 error, 0 warnings", text.Output, StringComparison.Ordinal);
        Assert.Contains("0 rejected, 1 kept at their last good version, 2 in force in part", text.Output, StringComparison.Ordinal);
        Assert.Contains("mesh.yaml:4", text.Output, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Failed, notReady.Code);
    }

    [Fact]
    public async Task Flows_are_one_json_document_per_line_and_filters_reach_the_agent()
    {
        await using var agent = await FakeAgent.StartAsync();

        var run = await RunAsync(
            "flows", "-o", "json", "--last", "5", "-s", "shop/*", "-d", "10.1.2.3", "-p", "8080", "--verdict", "deny", "--admin-socket", agent.Socket);

        Assert.Equal(ExitCode.Ok, run.Code);
        var lines = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        using var flow = JsonDocument.Parse(lines[0]);
        Assert.Equal("deny", flow.RootElement.GetProperty("verdict").GetString());
        Assert.Equal("policy.yaml:3", flow.RootElement.GetProperty("rule").GetProperty("file").GetString());
        Assert.Equal(new FlowFilter { Source = "shop/*", Destination = "10.1.2.3", Port = 8080, Verdict = Verdict.Deny }, agent.LastFlows!.Filter);
        Assert.Equal(5u, agent.LastFlows.Last);
    }

    [Fact]
    public async Task Top_shows_what_there_was_between_two_looks()
    {
        await using var agent = await FakeAgent.StartAsync();
        var text = await RunAsync("top", "-n", "2", "-i", "1", "--admin-socket", agent.Socket);
        Assert.Equal(ExitCode.Ok, text.Code);
        var rows = text.Output.Split('\n').Where(l => l.Contains("shop/web", StringComparison.Ordinal)).ToArray();
        Assert.Equal(4, rows.Length);
        Assert.Matches(@"^ *[0-9.]+ +10% +10% +1\.5ms +2\.0ms +HTTPRoute shop/web +0 +shop/web-v1", rows[0]);
        Assert.Matches("shop/client +shop/web-1 +source", rows[1]);

        var json = await RunAsync("top", "-n", "1", "-i", "1", "-o", "json", "--admin-socket", agent.Socket);
        using var report = JsonDocument.Parse(json.Output);
        var rate = report.RootElement.GetProperty("routes")[0].GetProperty("rate");
        Assert.InRange(rate.GetProperty("perSecond").GetDouble(), 2, 11);
        Assert.Equal((0.1, 0.1), (rate.GetProperty("clientErrors").GetDouble(), rate.GetProperty("serverErrors").GetDouble()));
    }

    [Fact]
    public async Task Flows_as_text_name_both_ends_the_reason_and_the_policy()
    {
        await using var agent = await FakeAgent.StartAsync();

        var run = await RunAsync("flows", "--admin-socket", agent.Socket);

        Assert.Contains("shop/guest (10.1.2.4:40000) -> shop/web (10.1.2.3:8080)", run.Output, StringComparison.Ordinal);
        Assert.Contains("policy-no-allow by shop/web (policy.yaml:3)", run.Output, StringComparison.Ordinal);

        // What the reason means follows, below the first flow that has it and not below the second.
        var lines = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, lines.Length);
        Assert.StartsWith(" ", lines[1], StringComparison.Ordinal);
        Assert.All(Meaning("policy-no-allow"), words => Assert.Contains(words, lines[1], StringComparison.Ordinal));
    }

    [Fact]
    public async Task Explain_says_what_the_reason_of_a_denial_means_and_what_to_do()
    {
        await using var agent = await FakeAgent.StartAsync();
        (agent.ExplainVerdict, agent.ExplainReason) = (Verdict.Deny, "no-backend");

        var denied = await RunAsync("explain", "shop/web", "shop/api:80", "--admin-socket", agent.Socket);
        (agent.ExplainVerdict, agent.ExplainReason) = (Verdict.Allow, "not-enrolled");
        var allowed = await RunAsync("explain", "shop/web", "shop/api:80", "--admin-socket", agent.Socket);
        (agent.ExplainVerdict, agent.ExplainReason) = (Verdict.Deny, "of-another-version");
        var unknown = await RunAsync("explain", "shop/web", "shop/api:80", "--admin-socket", agent.Socket);

        Assert.All(Meaning("no-backend"), words => Assert.Contains(words, denied.Output, StringComparison.Ordinal));
        Assert.DoesNotContain("to do:", allowed.Output, StringComparison.Ordinal);
        Assert.Contains("reason:  of-another-version", unknown.Output, StringComparison.Ordinal);
    }

    private static string[] Meaning(string reason) => [ReasonTable.Find(reason)!.Text, ReasonTable.Find(reason)!.Remedy];

    [Theory]
    [InlineData("shop/api:80", "shop/api")]
    [InlineData("10.0.0.1:80", "10.0.0.1")]
    [InlineData("[fd00::1]:80", "fd00::1")]
    [InlineData("shop/api:80/udp", "shop/api", TransportProtocol.Udp)]
    [InlineData("[fd00::1]:80/tcp", "fd00::1")]
    public async Task Explain_takes_names_and_addresses(string argument, string destination, TransportProtocol protocol = TransportProtocol.Tcp)
    {
        await using var agent = await FakeAgent.StartAsync();

        var allowed = await RunAsync("explain", "shop/web", argument, "--admin-socket", agent.Socket);
        agent.ExplainVerdict = Verdict.Deny;
        var denied = await RunAsync("explain", "shop/web", argument, "--admin-socket", agent.Socket);

        Assert.Equal(ExitCode.Ok, allowed.Code);
        Assert.Equal(ExitCode.Failed, denied.Code);
        Assert.Equal((destination, 80u, protocol), (agent.LastExplain!.Destination, agent.LastExplain.Port, agent.LastExplain.Protocol));
        Assert.Contains("first this", allowed.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_takes_a_SPIFFE_ID_as_the_source_and_where_its_tunnel_comes_from()
    {
        await using var agent = await FakeAgent.StartAsync();

        var known = await RunAsync("explain", "spiffe://two.example/ns/a/sa/client", "shop/api:80", "--from", "10.1.2.3", "--admin-socket", agent.Socket);
        Assert.Equal(("spiffe://two.example/ns/a/sa/client", "10.1.2.3"), (agent.LastExplain!.Source, agent.LastExplain.SourceAddress));
        var unknown = await RunAsync("explain", "spiffe://two.example/ns/a/sa/client", "shop/api:80", "--admin-socket", agent.Socket);

        Assert.StartsWith("allowed: spiffe://two.example/ns/a/sa/client (10.1.2.3:0) -> ", known.Output, StringComparison.Ordinal);
        Assert.StartsWith("allowed: spiffe://two.example/ns/a/sa/client -> ", unknown.Output, StringComparison.Ordinal);
        Assert.Equal("", agent.LastExplain.SourceAddress);
    }

    [Fact]
    public async Task Explain_names_the_node_that_decides_when_another_one_does()
    {
        await using var agent = await FakeAgent.StartAsync();
        agent.DecidedBy = "node2";

        var text = await RunAsync("explain", "shop/web", "shop/far:80", "--admin-socket", agent.Socket);
        var json = await RunAsync("explain", "shop/web", "shop/far:80", "-o", "json", "--admin-socket", agent.Socket);

        Assert.Equal((ExitCode.DecidedElsewhere, ExitCode.DecidedElsewhere), (text.Code, json.Code));
        Assert.StartsWith("not decided here: node node2 decides", text.Output, StringComparison.Ordinal);
        Assert.Contains("path:    tunnel", text.Output, StringComparison.Ordinal);
        using var report = JsonDocument.Parse(json.Output);
        Assert.Equal("undecided", report.RootElement.GetProperty("verdict").GetString());
        Assert.Equal("node2", report.RootElement.GetProperty("decidedByNode").GetString());
        Assert.Equal("tunnel", report.RootElement.GetProperty("path").GetString());
    }

    [Fact]
    public async Task A_name_the_agent_does_not_know_is_bad_input()
    {
        await using var agent = await FakeAgent.StartAsync();

        var run = await RunAsync("explain", "shop/web", "shop/nothing:80", "--admin-socket", agent.Socket);

        Assert.Equal(ExitCode.BadInput, run.Code);
        Assert.Contains("shop/nothing", run.Error, StringComparison.Ordinal);
    }

    private static async Task<(ExitCode Code, string Said)> RunUnprivilegedAsync(params string[] args)
    {
        string[] program = [Path.Combine(AppContext.BaseDirectory, "culvert"), .. args];
        string[] line = Environment.IsPrivilegedProcess ? ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", .. program] : program;
        using var process = Process.Start(new ProcessStartInfo(line[0], line[1..]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var error = process.StandardError.ReadToEndAsync(timeout.Token);
        var said = await process.StandardOutput.ReadToEndAsync(timeout.Token) + await error;
        await process.WaitForExitAsync(timeout.Token);
        return ((ExitCode)process.ExitCode, said);
    }

    private static async Task<(ExitCode Code, string Output, string Error)> RunAsync(params string[] args)
    {
        using StringWriter output = new(), error = new();
        var code = await CommandLineRunner.RunAsync(args, output, error);
        return ((ExitCode)code, output.ToString(), error.ToString());
    }
}

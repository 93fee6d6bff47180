using System.CommandLine;
using Culvert.Core;
using Culvert.NodeAgent.Options;
using Culvert.Protocol;

namespace Culvert.NodeAgent.Tests.Options;

public sealed class AgentOptionsTests
{
    [Theory]
    [InlineData("node1", true)]
    [InlineData("ip-10-0-0-5.eu-west-1.compute.internal", true)]
    [InlineData("Node1", false)]
    [InlineData("node_1", false)]
    [InlineData("node1.", false)]
    [InlineData("-node1", false)]
    [InlineData("", false)]
    public void A_node_has_a_name_that_workloads_can_have_as_theirs(string name, bool valid) =>
        Assert.Equal(valid, !new AgentOptions { NodeName = name }.Validate().Any(p => p.StartsWith("--node:", StringComparison.Ordinal)));

    [Theory]
    [InlineData("--metrics", "127.0.0.1")]
    [InlineData("--metrics", "here")]
    [InlineData("--readiness", "::1")]
    [InlineData("--readiness", "[::1]:0")]
    [InlineData("--drain-seconds", "-1")]
    [InlineData("--drain-seconds", "1e300")]
    [InlineData("--udp-idle-seconds", "NaN")]
    [InlineData("--spire-agent", "/tmp/admin.sock")]
    [InlineData("--spire-agent", "unix://admin.sock")]
    [InlineData("--spire-selector", "k8s")]
    [InlineData("--spire-selector", "k8s:")]
    [InlineData("--spire-selector", ":ns:{namespace}")]
    [InlineData("--spire-selector", "k8s:ns:{ns}")]
    [InlineData("--spire-selector", "{namespace}:ns:x")]
    public void What_cannot_be_used_is_reported_by_option_and_value(string option, string value)
    {
        (_, List<string> problems) = Read(option, value);

        Assert.StartsWith(option + ":", Assert.Single(problems), StringComparison.Ordinal);
    }

    [Fact]
    public void Options_reach_the_agent_and_the_rest_keeps_its_default()
    {
        (AgentOptions options, List<string> problems) = Read(
            "--outbound-port", "16001", "--udp-port", "16003", "--tunnel-port", "16008", "--drain-seconds", "2.5", "--loops", "3", "--uplink", "a", "--uplink", "b", "--metrics", "[::1]:9", "--xdp", "off");

        Assert.Empty(problems);
        Assert.Equal((16001, 16003, 16008), (options.OutboundPort, options.UdpPort, options.TunnelPort));
        Assert.Equal((2.5, 3, XdpUse.Off), (options.DrainDeadline.TotalSeconds, options.Loops, options.Xdp));
        Assert.Equal(["a", "b"], options.Uplinks);
        Assert.Equal("[::1]:9", options.Metrics!.ToString());
        AgentOptions defaults = new();
        Assert.Equal((defaults.NodeName, defaults.Readiness, defaults.LoopBusyPoll), (options.NodeName, options.Readiness, options.LoopBusyPoll));
    }

    [Fact]
    public void Workloads_are_selected_for_a_spire_agent_by_what_their_identities_name()
    {
        SpiffeId web = SpiffeId.ForServiceAccount("cluster.local", "shop", "web");
        (AgentOptions options, List<string> problems) = Read("--spire-agent", "unix:///run/spire/admin.sock", "--spire-selector", "k8s:ns:{namespace}", "--spire-selector", "x:{serviceAccount}/{namespace}", "--spire-selector", "unix:uid:7");

        Assert.Empty(problems);
        Assert.Equal("unix:///run/spire/admin.sock", options.SpireAgent!.ToString());
        Assert.Equal([("k8s", "ns:shop"), ("x", "web/shop"), ("unix", "uid:7")], options.SpireSelectors.Select(s => (s.Type, s.ValueFor(web))));
        Assert.Equal([("k8s", "ns:shop"), ("k8s", "sa:web")], SelectorTemplate.Defaults.Select(s => (s.Type, s.ValueFor(web))));
        Assert.Equal([null, null, "uid:7"], options.SpireSelectors.Select(s => s.ValueFor(SpiffeId.Parse("spiffe://cluster.local/elsewhere"))));
        Assert.DoesNotContain(options.Validate(), p => p.StartsWith("--spire", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("--spire-agent: tcp://127.0.0.1:1 is no Unix socket", "--spire-agent", "tcp://127.0.0.1:1")]
    [InlineData("--spire-selector: needs --spire-agent", "--spire-selector", "k8s:ns:{namespace}")]
    public void Options_of_a_spire_agent_belong_together(string problem, string option, string value) =>
        Assert.StartsWith(problem, Assert.Single(Read(option, value).Options.Validate(), p => p.StartsWith("--spire", StringComparison.Ordinal)), StringComparison.Ordinal);

    [Theory]
    [InlineData("is longer than 107 bytes", "--workload-api", "/run/culvert/workload/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890.sock")]
    [InlineData("is in a folder of the agent's own", "--workload-api", "/run/culvert/agent.sock")]
    [InlineData("is in a folder of the agent's own", "--workload-api", "/run/culvert/applications.sock")]
    [InlineData("is in the root folder", "--workload-api", "/agent.sock")]
    [InlineData("too long for the socket that is made there first", "--workload-api", "/run/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890/w/a.sock")]
    [InlineData("not with --spire-agent", "--workload-api", "/run/culvert/workload/agent.sock", "--spire-agent", "unix:///run/spire/admin.sock")]
    public void A_socket_for_applications_that_cannot_be_is_said_so(string problem, params string[] arguments) =>
        Assert.Contains(problem, Assert.Single(Read(arguments).Options.Validate(), p => p.StartsWith("--workload-api", StringComparison.Ordinal)), StringComparison.Ordinal);

    [Fact]
    public void Applications_are_served_where_it_is_asked_for()
    {
        Assert.Null(Read().Options.WorkloadApi);
        AgentOptions options = Read("--workload-api", AgentOptionsDefaults.WorkloadApi).Options;
        Assert.Equal("/run/culvert/workload/agent.sock", options.WorkloadApi);
        Assert.DoesNotContain(options.Validate(), p => p.StartsWith("--workload-api", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("p256", KeyKind.P256)]
    [InlineData("p384", KeyKind.P384)]
    [InlineData("rsa2048", KeyKind.Rsa2048)]
    [InlineData("rsa4096", KeyKind.Rsa4096)]
    public void Keys_of_workloads_are_of_a_kind(string name, KeyKind kind)
    {
        (AgentOptions options, List<string> problems) = Read("--workload-key", name);
        Assert.Empty(problems);
        Assert.Equal(kind, options.WorkloadKey);
        Assert.True(SpiffeEndpoint.TryParse("unix:///run/spire/admin.sock", out SpiffeEndpoint? agent, out _));
        Assert.Equal(kind != KeyKind.P256, (options with { SpireAgent = agent }).Validate().Any(p => p.StartsWith("--workload-key: not with --spire-agent", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_node_whose_certificate_spire_gives_needs_no_roots_and_no_token_and_a_controller_that_asks_for_it()
    {
        Assert.True(SpiffeEndpoint.TryParse("unix:///run/spire/agent.sock", out SpiffeEndpoint? api, out _));
        AgentOptions options = new() { Controller = new Uri("https://c:1"), SpireWorkloadApi = api };
        Assert.DoesNotContain(options.Validate(), p => p.StartsWith("--bootstrap-roots", StringComparison.Ordinal));
        Assert.Contains((options with { SpireWorkloadApi = null }).Validate(), p => p.StartsWith("--bootstrap-roots: needed", StringComparison.Ordinal));
        Assert.Contains((options with { BootstrapRootsFile = "/x" }).Validate(), p => p.StartsWith("--bootstrap-roots: not with --spire-workload-api", StringComparison.Ordinal));
        Assert.Contains((options with { JoinTokenFile = "/x" }).Validate(), p => p.StartsWith("--join-token-file: not with --spire-workload-api", StringComparison.Ordinal));
        Assert.Contains((options with { Controller = new Uri("unix:///x") }).Validate(), p => p.StartsWith("--spire-workload-api: unix:///x is no https://", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("--loop-busy-poll-us")]
    [InlineData("--loop-linger-us")]
    public void An_option_that_was_renamed_is_known_by_both_names(string option)
    {
        (AgentOptions options, List<string> problems) = Read(option, "7");

        Assert.Empty(problems);
        Assert.Equal(TimeSpan.FromMicroseconds(7), options.LoopBusyPoll);
    }

    [Theory]
    [InlineData("0x30", 0x10, 0x20)]
    [InlineData("0x10000008", 0x8, 0x10000000)]
    [InlineData("3", 1, 2)]
    public void Two_bits_make_the_marks(string mask, uint capture, uint proxy)
    {
        (AgentOptions options, List<string> problems) = Read("--mark-mask", mask);

        Assert.Empty(problems);
        Assert.Equal((capture, proxy, capture | proxy), (options.Marks.Capture, options.Marks.Proxy, options.Marks.Reject));
    }

    [Theory]
    [InlineData("0x10")]
    [InlineData("0x70")]
    [InlineData("0x1g")]
    [InlineData("x")]
    [InlineData("0x100000010")]
    public void Other_masks_are_refused(string mask) => Assert.Contains("--mark-mask", Assert.Single(Read("--mark-mask", mask).Problems), StringComparison.Ordinal);

    private static (AgentOptions Options, List<string> Problems) Read(params string[] args)
    {
        AgentOptionSet set = new();
        RootCommand command = new();
        foreach (Option option in set.All) command.Options.Add(option);
        ParseResult parsed = command.Parse(args);
        Assert.Empty(parsed.Errors);
        List<string> problems = [];
        return (set.Read(parsed, problems), problems);
    }
}

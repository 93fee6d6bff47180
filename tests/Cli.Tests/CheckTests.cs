using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Cli.Checks;
using Culvert.Controller;
using Culvert.Interop.Bpf;
using Culvert.NodeAgent.Options;
using Culvert.Protocol;

namespace Culvert.Cli.Tests;

public sealed class CheckTests
{
    private static readonly HashSet<int> None = [];

    [Fact]
    public void Capabilities_count_and_not_the_user()
    {
        var enough = PrivilegeCheck.Evaluate([]);
        var lacking = PrivilegeCheck.Evaluate(["CAP_BPF (programs and maps)"]);

        Assert.Equal(FindingLevel.Ok, enough.Level);
        Assert.Equal(FindingLevel.Error, lacking.Level);
        Assert.Contains("CAP_BPF", lacking.Detail, StringComparison.Ordinal);
        Assert.Contains("or grant", lacking.Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("3.0.22", "install OpenSSL 3.5 or later")]
    [InlineData("3.5.0", null)]
    [InlineData("3.6.3", null)]
    public void A_newer_OpenSSL_is_recommended_where_there_is_an_old_one(string version, string? remedy)
    {
        var finding = OpenSslCheck.Judge(Version.Parse(version), ["X25519", "P-256"]);

        Assert.Equal(remedy is null ? FindingLevel.Ok : FindingLevel.Warning, finding.Level);
        Assert.Contains(version, finding.Detail, StringComparison.Ordinal);
        Assert.StartsWith(remedy ?? "", finding.Remedy ?? "", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, true, null)]
    [InlineData(false, true, "lacks CAP_SYS_PTRACE:")]
    [InlineData(true, false, "does not see the node's processes:")]
    [InlineData(false, false, "lacks CAP_SYS_PTRACE and does not see the node's processes:")]
    public void What_is_needed_to_find_pods_inside_their_namespaces_is_wished_for(bool mayLook, bool seesAll, string? missing)
    {
        var finding = PrivilegeCheck.EvaluateNamespaces(mayLook, seesAll);

        Assert.Equal(missing is null ? FindingLevel.Ok : FindingLevel.Warning, finding.Level);
        Assert.Contains(missing ?? "can be looked at", finding.Detail, StringComparison.Ordinal);
        Assert.Equal(missing is null, finding.Remedy is null);
    }

    [Theory]
    [InlineData("ringbuf", false, FindingLevel.Error)]
    [InlineData("sk_assign", true, FindingLevel.Error)] // libbpf takes a refusal to load for the presence of the helper
    [InlineData("tcx", false, FindingLevel.Warning)]
    public void What_could_not_be_tried_is_a_matter_of_privileges_and_not_of_the_kernel(string name, bool present, object level)
    {
        var finding = KernelCheck.Evaluate(new KernelFeature(name, present, "EPERM (Operation not permitted)"), privileged: false);

        Assert.Equal(level, finding.Level);
        Assert.Equal(PrivilegeCheck.Remedy, finding.Remedy);
        Assert.StartsWith("could not be tried", finding.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_feature_that_a_privileged_process_misses_is_a_matter_of_the_kernel()
    {
        var missing = KernelCheck.Evaluate(new KernelFeature("ringbuf", false, "EINVAL (Invalid argument)"), privileged: true);
        var refused = KernelCheck.Evaluate(new KernelFeature("ringbuf", false, "EPERM (Operation not permitted)"), privileged: true);
        var there = KernelCheck.Evaluate(new KernelFeature("btf", true, "/sys/kernel/btf/vmlinux"), privileged: false);

        Assert.Equal("boot Linux 5.8 or later", missing.Remedy);
        Assert.Contains("seccomp", refused.Remedy, StringComparison.Ordinal);
        Assert.Equal(FindingLevel.Ok, there.Level);
    }

    [Fact]
    public void A_port_counts_for_its_own_protocol_and_the_controllers_is_only_a_warning()
    {
        var sameNumbersOfTcp = PortCheck.Evaluate(new HashSet<int> { 15003 }, None, agentRuns: false);
        var taken = PortCheck.Evaluate(new HashSet<int> { 15012 }, new HashSet<int> { 15003 }, agentRuns: false);
        var byAgent = PortCheck.Evaluate(None, new HashSet<int> { 15003 }, agentRuns: true);

        Assert.All(sameNumbersOfTcp, f => Assert.Equal(FindingLevel.Ok, f.Level));
        var udp = Assert.Single(taken, f => f.Level == FindingLevel.Error);
        Assert.Contains("15003/udp", udp.Detail, StringComparison.Ordinal);
        Assert.Contains("--udp-port", udp.Remedy, StringComparison.Ordinal);
        Assert.Contains("15012", Assert.Single(taken, f => f.Level == FindingLevel.Warning).Detail, StringComparison.Ordinal);
        Assert.All(byAgent, f => Assert.Equal(FindingLevel.Ok, f.Level));
    }

    [Theory]
    [InlineData("", 1, "missing")]
    [InlineData("goto nop", 1, "missing")] // what is captured has no way
    [InlineData("lookup nop", 1, "missing")] // a node's own programs could speak as pods
    [InlineData("goto lookup", 1, "missing")] // likewise: a rule that leads nowhere does nothing
    [InlineData("goto lookup nop", 0, "")]
    public void The_rules_of_an_agent_that_runs_have_to_be_there(string present, int errors, string detail)
    {
        string[] rules =
        [
            """{"priority":0,"src":"all","table":"local"}""",
            .. present.Contains("goto", StringComparison.Ordinal) ? ["""{"priority":1,"src":"all","fwmark":"0x100000","fwmask":"0xff0000","iif":"lo","table":"15001","goto":3}"""] : Array.Empty<string>(),
            .. present.Contains("lookup", StringComparison.Ordinal) ? ["""{"priority":2,"src":"all","fwmark":"0x100000","fwmask":"0xff0000","table":"15001"}"""] : Array.Empty<string>(),
            .. present.Contains("nop", StringComparison.Ordinal) ? ["""{"priority":3,"src":"all","table":"15001","nop":null}"""] : Array.Empty<string>(),
        ];
        var findings = RuleCheck.EvaluateAll("-6", $"[{string.Join(',', rules)}]", PacketMarks.Default, agentRuns: true);

        Assert.Equal(errors, findings.Count(f => f.Level == FindingLevel.Error));
        Assert.All(findings, f => Assert.Contains(detail, f.Detail, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("0x30", "0x10", "0x10", 1)]
    [InlineData("0x30", "0x4000", "0x4000", 0)]
    [InlineData("0x30", "0xca6c", "", 1)] // of WireGuard: every bit counts
    [InlineData("0xc0", "0x10", "0x10", 0)]
    public void Rules_of_others_that_look_at_bits_of_the_agents_marks_are_told(string own, string mark, string mask, int warnings)
    {
        Assert.True(PacketMarks.TryParse(own, out var marks));
        var rules = $$"""[{"priority":0,"src":"all","table":"local"},{"priority":9,"src":"all","fwmark":"{{mark}}",{{(mask.Length > 0 ? $"\"fwmask\":\"{mask}\"," : "")}}"table":"7"}]""";
        var findings = RuleCheck.EvaluateAll("-4", rules, marks, agentRuns: false);

        Assert.Equal(warnings, findings.Count(f => f.Level == FindingLevel.Warning && f.Remedy!.Contains(own, StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(1, "78", "all", 1)]
    [InlineData(2, "78", "all", 1)]
    [InlineData(3, "78", "all", 0)]
    [InlineData(1, "local", "all", 0)]
    [InlineData(1, "78", "lo", 0)]
    public void Rules_of_others_that_come_before_the_agents_are_told(int priority, string table, string input, int warnings)
    {
        var other = $$"""{"priority":{{priority}},"src":"10.88.1.0","srclen":24,{{(input == "all" ? "" : $"\"iif\":\"{input}\",")}}"table":"{{table}}"}""";
        string[] own =
        [
            """{"priority":1,"src":"all","iif":"lo","fwmark":"0x10","fwmask":"0x30","table":"15001","goto":3}""", """{"priority":2,"src":"all","fwmark":"0x10","fwmask":"0x30","table":"15001"}""",
            """{"priority":3,"src":"all","table":"15001","nop":null}""",
        ];
        foreach (var agentRuns in new[] { false, true })
        {
            var rules = $"[{string.Join(',', [.. agentRuns ? own : [], other])}]";
            var found = RuleCheck.EvaluateAll("-4", rules, PacketMarks.Default, agentRuns);
            Assert.Equal(warnings, found.Count);
            Assert.All(found, f => Assert.Contains("comes before the agent's", f.Detail, StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("10.0.0.5:15012", true)]
    [InlineData("[fd00::5]:15012", true)]
    [InlineData("controller.mesh:1", true)]
    [InlineData("10.0.0.5", false)]
    [InlineData("https://10.0.0.5:15012", false)]
    [InlineData("https://10.0.0.5", false)]
    [InlineData("fd00::5:15012", false)]
    [InlineData("10.0.0.5:0", false)]
    [InlineData("10.0.0.5:65536", false)]
    [InlineData(":15012", false)]
    public void A_controller_is_named_by_host_and_port(string text, bool right) => Assert.Equal(right, ClockCheck.IsHostAndPort(text));

    [Fact]
    public async Task The_clock_of_a_controller_that_runs_is_compared()
    {
        var folder = Directory.CreateTempSubdirectory("culvert-check");
        try
        {
            await using var controller = await ControllerHost.StartAsync(
                new ControllerOptions
                {
                    ObjectFolder = folder.CreateSubdirectory("objects").FullName,
                    StateFolder = Path.Combine(folder.FullName, "state"),
                    Listen = new IPEndPoint(IPAddress.Loopback, 0),
                },
                TestContext.Current.CancellationToken);

            var findings = await ClockCheck.RunAsync(controller.EndPoint!.ToString(), TestContext.Current.CancellationToken);

            var finding = findings[1];
            Assert.Equal((FindingLevel.Ok, "clock", $"within 30 s of {controller.EndPoint}"), (finding.Level, finding.Check, finding.Detail));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData(3650, 31, FindingLevel.Ok, "ends")]
    [InlineData(3650, 29, FindingLevel.Warning, "ends")] // 30 days are less than a tenth
    [InlineData(100, 11, FindingLevel.Ok, "ends")]
    [InlineData(100, 9, FindingLevel.Warning, "ends")]
    [InlineData(100, -1, FindingLevel.Warning, "has ended")]
    public void A_root_near_its_end_is_warned_of(int life, int left, object level, string says)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = DateTimeOffset.UtcNow;
        using var root = new CertificateRequest("CN=root", key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(left - life), now.AddDays(left));

        var finding = Assert.Single(TrustBundleCheck.Evaluate([root.RawDataMemory], now));

        Assert.Equal((level, "trust-bundle"), (finding.Level, finding.Check));
        Assert.StartsWith($"root {CertificateFingerprint.Of(root.RawData)[..16]} of the trust bundle {says} at ", finding.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_trust_bundle_is_looked_at_where_an_agent_runs()
    {
        using SvidAuthority authority = new();
        await using var agent = await FakeAgent.StartAsync();
        agent.Held.Roots.Add(Google.Protobuf.ByteString.CopyFrom(authority.Root));

        Assert.Single(await TrustBundleCheck.RunAsync(agent.Socket, agentRuns: true, TestContext.Current.CancellationToken));
        Assert.Empty(await TrustBundleCheck.RunAsync(agent.Socket, agentRuns: false, TestContext.Current.CancellationToken));
        Assert.Empty(await TrustBundleCheck.RunAsync("/nonexistent/agent.sock", agentRuns: true, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public void Sockets_of_both_families_and_protocols_are_seen(string address)
    {
        using var udp = new UdpClient(new IPEndPoint(IPAddress.Parse(address), 0));
        using var tcp = new TcpListener(IPAddress.Parse(address), 0);
        tcp.Start();

        Assert.Contains(((IPEndPoint)udp.Client.LocalEndPoint!).Port, PortCheck.TakenPorts(udp: true));
        Assert.Contains(((IPEndPoint)tcp.LocalEndpoint).Port, PortCheck.TakenPorts(udp: false));
    }
}

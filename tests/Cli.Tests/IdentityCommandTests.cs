using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Culvert.Cli.CommandLine;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace Culvert.Cli.Tests;

public sealed class IdentityCommandTests : IAsyncDisposable
{
    private const string Web = "spiffe://cluster.local/ns/shop/sa/web";
    private const string Node = "spiffe://cluster.local/culvert/node/n1";
    private static readonly DateTimeOffset LongAgo = SvidAuthority.Start.AddYears(1);

    private readonly SvidAuthority _authority = new();
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"cv-{Guid.NewGuid():N}.pem");
    private readonly FakeAgent _agent = FakeAgent.StartAsync().GetAwaiter().GetResult();

    public IdentityCommandTests()
    {
        _agent.Held.TrustDomain = "cluster.local";
        _agent.Held.Roots.Add(ByteString.CopyFrom(_authority.Root));
        var next = Timestamp.FromDateTimeOffset(new DateTimeOffset(2090, 5, 6, 7, 8, 9, TimeSpan.Zero));
        _agent.Held.Identities.Add(new HeldIdentity { Identity = Web, Version = 3, NextAttempt = next, Source = "controller", Workloads = { "shop/web-1", "shop/web-2" }, Chain = { ByteString.CopyFrom(_authority.Issue(Web, 1)) } });
        _agent.Held.Identities.Add(new HeldIdentity { Identity = Node, IsNode = true, Version = 1, NextAttempt = next, Chain = { ByteString.CopyFrom(_authority.Issue(Node, 2)) } });
    }

    public async ValueTask DisposeAsync()
    {
        await _agent.DisposeAsync();
        _authority.Dispose();
        File.Delete(_file);
    }

    [Theory]
    [InlineData(ExitCode.Usage, "identity")]
    [InlineData(ExitCode.Usage, "identity", "shw")]
    [InlineData(ExitCode.Usage, "identity", "show")]
    [InlineData(ExitCode.Usage, "identity", "rotate")]
    [InlineData(ExitCode.Usage, "identity", "rotate", Web, "--all")]
    [InlineData(ExitCode.Usage, "identity", "rotate", "--all", "--timeout", "0")]
    [InlineData(ExitCode.Usage, "identity", "rotate", "--all", "--timeout", "601")]
    [InlineData(ExitCode.BadInput, "identity", "show", "shop/web")]
    [InlineData(ExitCode.BadInput, "identity", "rotate", "shop/web")]
    [InlineData(ExitCode.BadInput, "identity", "verify", "/nonexistent.pem")]
    [InlineData(ExitCode.CannotConnect, "identity", "list", "--admin-socket", "/nonexistent/agent.sock")]
    [InlineData(ExitCode.CannotConnect, "identity", "show", Web, "--admin-socket", "/nonexistent/agent.sock")]
    [InlineData(ExitCode.CannotConnect, "identity", "rotate", Web, "--admin-socket", "/nonexistent/agent.sock")]
    [InlineData(ExitCode.CannotConnect, "identity", "verify", "--admin-socket", "/nonexistent/agent.sock")]
    public async Task Each_end_has_its_exit_code(object code, params string[] args)
    {
        using StringWriter output = new(), error = new();
        Assert.Equal((int)code, await CommandLineRunner.RunAsync(args, output, error));
    }

    [Fact]
    public async Task List_is_a_table_of_all_identities()
    {
        var run = await RunAsync("list");

        Assert.Equal(ExitCode.Ok, run.Code);
        string[] rows =
        [
            "Identity | Workloads | State | Serial | Valid until | Next renewal | Version | From | Last error",
            $"{Web} | 2 | valid | 5A01 | 2094-01-02 03:04:05Z | 2090-05-06 07:08:09Z | 3 | controller | -",
            $"{Node} | node | valid | 5A02 | 2094-01-02 03:04:05Z | 2090-05-06 07:08:09Z | 1 | - | -",
        ];
        Assert.Equal(rows, RowsOf(run.Output));
    }

    [Fact]
    public async Task List_tells_with_whom_the_mesh_is_federated()
    {
        _agent.Held.Federated.Add(new Culvert.Protocol.V1.TrustBundle { TrustDomain = "partner.example", Roots = { ByteString.CopyFrom(_authority.Root) } });
        _agent.Held.Federated.Add(new Culvert.Protocol.V1.TrustBundle { TrustDomain = "revoked.example" });
        var text = await RunAsync("list");
        var json = await RunAsync("list", "-o", "json");

        Assert.Contains("federated with partner.example: 1 roots, the last ends at ", text.Output, StringComparison.Ordinal);
        Assert.Contains("federated with revoked.example: no roots, so nobody of it is believed", text.Output, StringComparison.Ordinal);
        using var document = JsonDocument.Parse(json.Output);
        var federated = document.RootElement.GetProperty("federated");
        Assert.Equal(("partner.example", 1), (federated[0].GetProperty("trustDomain").GetString(), federated[0].GetProperty("roots").GetInt32()));
        Assert.True(federated[0].TryGetProperty("notAfter", out _));
        Assert.False(federated[1].TryGetProperty("notAfter", out _));
    }

    [Fact]
    public async Task List_ends_with_1_when_a_certificate_is_missing_or_has_ended()
    {
        _agent.Held.Identities[0].Chain[0] = ByteString.CopyFrom(_authority.Issue(Web, 1, LongAgo));
        var ended = await RunAsync("list");
        _agent.Held.Identities[0].Chain.Clear();
        (_agent.Held.Identities[0].Version, _agent.Held.Identities[0].NextAttempt, _agent.Held.Identities[0].Error) = (0, null, "Unavailable: the authority is away");
        var missing = await RunAsync("list");
        var json = await RunAsync("list", "-o", "json");

        Assert.Equal((ExitCode.Failed, ExitCode.Failed, ExitCode.Failed), (ended.Code, missing.Code, json.Code));
        Assert.Equal($"{Web} | 2 | expired | 5A01 | 2021-01-02 03:04:05Z | 2090-05-06 07:08:09Z | 3 | controller | -", RowsOf(ended.Output)[1]);
        Assert.Equal($"{Web} | 2 | missing | - | - | now | 0 | controller | Unavailable: the authority is away", RowsOf(missing.Output)[1]);
        using var document = JsonDocument.Parse(json.Output);
        var first = document.RootElement.GetProperty("identities")[0];
        Assert.Equal((Web, "missing", "Unavailable: the authority is away"), (first.GetProperty("identity").GetString(), first.GetProperty("state").GetString(), first.GetProperty("error").GetString()));
        Assert.Equal(["shop/web-1", "shop/web-2"], first.GetProperty("workloads").EnumerateArray().Select(w => w.GetString()));
        Assert.False(first.TryGetProperty("serial", out _));
    }

    [Fact]
    public async Task What_a_spire_agent_sends_is_told_apart_and_the_nodes_own_is_verified_against_the_controllers_roots()
    {
        using SvidAuthority controllers = new();
        (_agent.Held.Identities[0].Source, _agent.Held.Identities[0].NextAttempt) = ("spire-agent", null);
        _agent.Held.Identities[1].Chain[0] = ByteString.CopyFrom(controllers.Issue(Node, 2));
        var before = await RunAsync("verify");
        _agent.Held.ControllerRoots.Add(ByteString.CopyFrom(controllers.Root));
        var list = await RunAsync("list");
        var verify = await RunAsync("verify");

        Assert.Equal((ExitCode.Failed, ExitCode.Ok, ExitCode.Ok), (before.Code, list.Code, verify.Code));
        Assert.Equal($"{Web} | 2 | valid | 5A01 | 2094-01-02 03:04:05Z | by SPIRE | 3 | spire-agent | -", RowsOf(list.Output)[1]);
    }

    [Fact]
    public async Task Show_has_the_chain_and_the_roots()
    {
        var run = await RunAsync("show", Web);

        Assert.Equal(ExitCode.Ok, run.Code);
        Assert.Equal(
            $"""
            {Web}
              trust domain  cluster.local
              workloads     shop/web-1 shop/web-2
              state         valid
              version       3
              next renewal  2090-05-06 07:08:09Z
              from          controller
            certificate 1 of 1
              subject       (empty)
              issuer        CN=mesh root
              serial        5A01
              not before    2020-01-02 03:04:05Z
              not after     2094-01-02 03:04:05Z
              key           EC P-256
              sha-256       {CertificateFingerprint.Of(_agent.Held.Identities[0].Chain[0].Span)}
            root of the trust bundle 1 of 1
              subject       CN=mesh root
              issuer        CN=mesh root
              serial        77
              not before    2020-01-02 03:04:05Z
              not after     2095-01-02 03:04:05Z
              key           EC P-384
              sha-256       {CertificateFingerprint.Of(_authority.Root)}

            """,
            run.Output);
    }

    [Fact]
    public async Task Show_writes_the_chain_as_pem_and_nothing_else()
    {
        _agent.Held.Identities[0].Chain.Add(ByteString.CopyFrom(_authority.Root));

        var run = await RunAsync("show", Web, "--pem");

        Assert.Equal(ExitCode.Ok, run.Code);
        X509Certificate2Collection written = [];
        written.ImportFromPem(run.Output);
        Assert.Equal(_agent.Held.Identities[0].Chain.Select(c => c.ToByteArray()), written.Select(c => c.RawData));
        Assert.StartsWith("-----BEGIN CERTIFICATE-----\n", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("KEY", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Show_of_one_without_a_certificate_says_why_and_ends_with_1()
    {
        _agent.Held.Identities[0].Chain.Clear();
        _agent.Held.Identities[0].Error = "Unavailable: the authority is away";

        var text = await RunAsync("show", Web);
        var pem = await RunAsync("show", Web, "--pem");

        Assert.Equal((ExitCode.Failed, ExitCode.Failed), (text.Code, pem.Code));
        Assert.Contains("  last error    Unavailable: the authority is away\n", text.Output, StringComparison.Ordinal);
        Assert.Empty(pem.Output);
        Assert.StartsWith($"culvert: {Web} has no certificate yet: Unavailable: the authority is away\n", pem.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Show_of_an_unknown_identity_is_bad_input()
    {
        var run = await RunAsync("show", "spiffe://cluster.local/nobody");

        Assert.Equal(ExitCode.BadInput, run.Code);
        Assert.Contains("spiffe://cluster.local/nobody", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rotate_tells_the_certificate_before_and_after()
    {
        _agent.Rotations.Rotations.Add(new IdentityRotation { Identity = Web, Before = _agent.Held.Identities[0].Chain[0], After = ByteString.CopyFrom(_authority.Issue(Web, 9)) });

        var run = await RunAsync("rotate", Web, "--timeout", "7");
        var json = await RunAsync("rotate", Web, "-o", "json");

        Assert.Equal((ExitCode.Ok, ExitCode.Ok), (run.Code, json.Code));
        Assert.Equal($"renewed {Web}: serial 5A01 until 2094-01-02 03:04:05Z -> serial 5A09 until 2094-01-02 03:04:05Z\n", run.Output);
        Assert.Equal([TimeSpan.FromSeconds(7), TimeSpan.FromSeconds(30)], _agent.RotationsAsked.Select(r => r.Timeout.ToTimeSpan()));
        Assert.All(_agent.RotationsAsked, r => Assert.Equal(Web, r.Identity));
        using var document = JsonDocument.Parse(json.Output);
        var rotation = document.RootElement.GetProperty("rotations")[0];
        Assert.Equal(("5A01", "5A09"), (rotation.GetProperty("before").GetProperty("serial").GetString(), rotation.GetProperty("after").GetProperty("serial").GetString()));
    }

    [Fact]
    public async Task Rotate_says_why_it_has_failed_and_what_stays_in_use()
    {
        _agent.Rotations.Rotations.Add(new IdentityRotation { Identity = Web, Before = _agent.Held.Identities[0].Chain[0], Error = "Unavailable: the authority is away" });
        _agent.Rotations.Rotations.Add(new IdentityRotation { Identity = Node, After = _agent.Held.Identities[1].Chain[0] });

        var run = await RunAsync("rotate", "--all");

        Assert.Equal(ExitCode.Failed, run.Code);
        Assert.Equal(
            $"""
            FAILED  {Web}: Unavailable: the authority is away; serial 5A01 until 2094-01-02 03:04:05Z stays in use
            renewed {Node}: nothing -> serial 5A02 until 2094-01-02 03:04:05Z

            """,
            run.Output);
        Assert.Equal("", Assert.Single(_agent.RotationsAsked).Identity);
    }

    [Fact]
    public async Task Verify_names_the_rules_that_certificates_in_use_break()
    {
        var good = await RunAsync("verify");
        _agent.Held.Identities[0].Chain[0] = ByteString.CopyFrom(_authority.Issue("spiffe://cluster.local/ns/shop/sa/api", 1, LongAgo, X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyCertSign));
        _agent.Held.Identities[1].Chain.Clear();
        var bad = await RunAsync("verify");
        var json = await RunAsync("verify", "-o", "json");

        Assert.Equal(
            (ExitCode.Ok, $"ok      {Web} (serial 5A01, until 2094-01-02 03:04:05Z)\nok      {Node} (serial 5A02, until 2094-01-02 03:04:05Z)\n"),
            (good.Code, good.Output));
        Assert.Equal(ExitCode.Failed, bad.Code);
        Assert.Equal(
            $"""
            BROKEN  {Web} (serial 5A01, until 2021-01-02 03:04:05Z)
                    validity: has ended at 2021-01-02 03:04:05Z
                    key-usage: has a key that may sign certificates or revocations, which no workload's may
                    identity: names spiffe://cluster.local/ns/shop/sa/api, and is kept for {Web}
            BROKEN  {Node}
                    certificate: is not there yet

            """,
            bad.Output);
        using var document = JsonDocument.Parse(json.Output);
        Assert.False(document.RootElement.GetProperty("passed").GetBoolean());
        Assert.Equal(["validity", "key-usage", "identity"], document.RootElement.GetProperty("certificates")[0].GetProperty("broken").EnumerateArray().Select(b => b.GetProperty("rule").GetString()));
    }

    [Fact]
    public async Task Verify_of_a_file_goes_by_the_nodes_trust_bundle()
    {
        using SvidAuthority other = new();
        await File.WriteAllTextAsync(_file, PemEncoding.WriteString("CERTIFICATE", _authority.Issue("spiffe://cluster.local/anybody", 4)), TestContext.Current.CancellationToken);
        var good = await RunAsync("verify", _file);
        await File.WriteAllTextAsync(_file, PemEncoding.WriteString("CERTIFICATE", other.Issue("spiffe://other.org/anybody", 5)), TestContext.Current.CancellationToken);
        var bad = await RunAsync("verify", _file);
        await File.WriteAllTextAsync(_file, "nothing of this kind", TestContext.Current.CancellationToken);
        var none = await RunAsync("verify", _file);

        Assert.Equal((ExitCode.Ok, $"ok      {_file} (serial 5A04, until 2094-01-02 03:04:05Z)\n"), (good.Code, good.Output));
        Assert.Equal(ExitCode.Failed, bad.Code);
        Assert.Contains("        chain: does not lead to a root of the trust bundle: ", bad.Output, StringComparison.Ordinal);
        Assert.Contains("        trust-domain: is of the trust domain other.org, and the trust bundle of cluster.local\n", bad.Output, StringComparison.Ordinal);
        Assert.Equal(ExitCode.BadInput, none.Code);
        Assert.Contains("has no certificate", none.Error, StringComparison.Ordinal);
    }

    // Cells, of which none has two spaces in it.
    private static string[] RowsOf(string table) =>
        [.. table.Split('\n').Where(l => l.Contains("spiffe:", StringComparison.Ordinal) || l.Contains("Identity", StringComparison.Ordinal)).Select(l => string.Join(" | ", l.Split("  ", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)))];

    private async Task<(ExitCode Code, string Output, string Error)> RunAsync(params string[] args)
    {
        using StringWriter output = new(), error = new();
        var code = await CommandLineRunner.RunAsync(["identity", .. args, "--admin-socket", _agent.Socket], output, error);
        return ((ExitCode)code, output.ToString(), error.ToString());
    }
}

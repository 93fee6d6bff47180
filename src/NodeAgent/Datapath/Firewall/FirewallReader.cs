using System.Collections.Immutable;
using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;
using Culvert.Interop;
using Culvert.Interop.Netfilter;
using Culvert.Interop.Netlink;

namespace Culvert.NodeAgent.Datapath.Firewall;

/// <summary>
/// Reads the packet filter rules of this network namespace that packets between pods may meet: those of nftables and iptables-nft by libnftables, those of iptables-legacy by its own program.
/// What can't be read is a reason. One caller at a time.
/// </summary>
internal sealed class FirewallReader : IDisposable
{
    private const int MaxOutput = 64 << 20;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    // Each with the file in which the kernel names the tables that there are: to ask for others makes them.
    private static readonly (string Program, string Tables)[] Legacy =
    [
        ("iptables-legacy-save", "/proc/thread-self/net/ip_tables_names"),
        ("ip6tables-legacy-save", "/proc/thread-self/net/ip6_tables_names"),
    ];

    private NftContext? _nft;

    /// <summary>Why packets between two pods have to pass the rules that there are now; none: they need not.</summary>
    internal ImmutableArray<string> Read() => [.. ReadNft(), .. Legacy.SelectMany(l => ReadLegacy(l.Program, l.Tables))];

    public void Dispose() => _nft?.Dispose();

    // Chains first: tables that are nothing to packets between pods may have very many rules.
    private List<string> ReadNft()
    {
        try
        {
            _nft ??= NftContext.Open();
            string[] tables = [.. NftRules.Parse(_nft.RunJson("list chains")).Where(FirewallEvaluator.Concerns).Select(c => c.Table).Distinct(StringComparer.Ordinal).Where(t => t is not ("ip nat" or "ip6 nat"))];
            return [.. tables.SelectMany(t => FirewallEvaluator.Evaluate(NftRules.Parse(_nft.RunJson($"list table {t}"))))];
        }
        catch (NftException e) when (e.InnerException is NetlinkException { Errno: Errno.EPROTONOSUPPORT })
        {
            return []; // a kernel without netfilter
        }
        catch (Exception e) when (e is NftException or JsonException or KernelException)
        {
            return [$"the rules of nftables can't be read: {e.Message}"];
        }
    }

    private static List<string> ReadLegacy(string program, string tables)
    {
        try
        {
            List<string> reasons = [];
            // iptables takes nothing that refuses into the table nat.
            foreach (string table in File.ReadLines(tables).Where(t => t != "nat")) reasons.AddRange(FirewallEvaluator.Evaluate(IptablesRules.Parse(Run(program, table), program[..program.IndexOf("-save", StringComparison.Ordinal)])));
            return reasons;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return []; // a kernel without these tables, or nobody has used one yet
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or Win32Exception or FormatException)
        {
            return [$"{program}, which tells of the tables in {Path.GetFileName(tables)}, can't be used: {e.Message}"];
        }
    }

    private static string Run(string program, string table)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, ["-t", table]) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardInput = true }) ?? throw new IOException("it did not start");
        using CancellationTokenSource deadline = new(Deadline);
        // Whoever reads is woken by its end.
        using CancellationTokenRegistration kill = deadline.Token.Register(() => process.Kill());
        process.StandardInput.Close();
        char[] buffer = new char[1 << 16];
        System.Text.StringBuilder output = new();
        for (int read; (read = process.StandardOutput.Read(buffer)) > 0;)
        {
            if (output.Append(buffer, 0, read).Length <= MaxOutput) continue;
            process.Kill();
            throw new IOException($"it prints more than {MaxOutput >> 20} MiB");
        }
        process.WaitForExit();
        if (deadline.IsCancellationRequested) throw new IOException($"it did not end within {Deadline.TotalSeconds} s");
        return process.ExitCode == 0 ? output.ToString() : throw new IOException($"it ended with status {process.ExitCode}");
    }
}

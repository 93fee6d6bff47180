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

    // Each costs about 4 ms; 64 of them as much as a table of 5000 rules.
    private const int MaxSingleChains = 64;
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

    /// <summary>Who sets marks where addresses are translated, by which routing rules may choose packets between pods; null: nobody. What can't be read counts as somebody.</summary>
    internal string? FindMark() => FindNftMark() ?? Legacy.Select(l => FindLegacyMark(l.Program, l.Tables)).FirstOrDefault(f => f is not null);

    public void Dispose() => _nft?.Dispose();

    private List<string> ReadNft()
    {
        try
        {
            return [.. ListChains().GroupBy(c => c.Table, StringComparer.Ordinal).SelectMany(t => Evaluate(t.Key, [.. t]))];
        }
        catch (NftException e) when (IsMissing(e))
        {
            return []; // a kernel without netfilter
        }
        catch (Exception e) when (e is NftException or JsonException or KernelException)
        {
            return [$"the rules of nftables can't be read: {e.Message}"];
        }
    }

    // Tables for translating addresses alone may have very many rules, nearly all of them of chains that are known.
    private ImmutableArray<string> Evaluate(string table, FilterChain[] bases) =>
        bases.All(c => c.IsNat) && ReadReached(bases) is { } reached && FirewallEvaluator.Evaluate(reached).IsEmpty ? [] : FirewallEvaluator.Evaluate(ReadTable(table));

    // The base chains that matter first: tables that are nothing to packets between pods are not read.
    private IEnumerable<FilterChain> ListChains()
    {
        _nft ??= NftContext.Open();
        return NftRules.Parse(_nft.RunJson("list chains")).Where(FirewallEvaluator.Concerns);
    }

    private ImmutableArray<FilterChain> ReadTable(string table) => NftRules.Parse(_nft!.RunJson($"list table {table}"));

    // Chain by chain, of one table. Null: that does not do, as there are too many, a name that can't be asked for so, or something that is harmless only with the table's maps, or not at all.
    private List<FilterChain>? ReadReached(FilterChain[] bases)
    {
        List<FilterChain> reached = [];
        HashSet<string> seen = [.. bases.Select(c => c.Name)];
        Queue<string> open = new(seen);
        while (open.TryDequeue(out string? name))
        {
            if (reached.Count == MaxSingleChains || !IsPlain(name)) return null;
            if (ReadChain(bases[0].Table, name) is not { } chain || chain.Steps.Any(s => s.Action == FilterAction.Other)) return null;
            reached.Add(chain);
            foreach (FilterStep step in chain.Steps.Where(s => FirewallEvaluator.IsFollowed(s) && seen.Add(s.Text))) open.Enqueue(step.Text);
        }
        return reached;
    }

    // Null: it has gone since it was named, or its name is a word of nft's own.
    private FilterChain? ReadChain(string table, string name)
    {
        try
        {
            return NftRules.Parse(_nft!.RunJson($"list chain {table} {name}")).FirstOrDefault(c => c.Name == name);
        }
        catch (NftException)
        {
            return null;
        }
    }

    private static bool IsPlain(string name) => name.Length > 0 && char.IsAsciiLetter(name[0]) && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');

    private static bool IsMissing(NftException error) => error.InnerException is NetlinkException { Errno: Errno.EPROTONOSUPPORT };

    private static List<string> ReadLegacy(string program, string tables)
    {
        try
        {
            List<string> reasons = [];
            // iptables takes nothing that refuses into the table nat.
            foreach (string table in File.ReadLines(tables).Where(t => t != "nat")) reasons.AddRange(FirewallEvaluator.Evaluate(ReadLegacyTable(program, table)));
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

    private string? FindNftMark()
    {
        try
        {
            foreach (IGrouping<string, FilterChain> table in ListChains().Where(c => c.IsNat).GroupBy(c => c.Table, StringComparer.Ordinal))
            {
                IReadOnlyCollection<FilterChain> chains = ReadReached([.. table]) is { } reached ? reached : ReadTable(table.Key);
                if (FirewallEvaluator.FindMark(chains) is { } mark) return mark;
            }
            return null;
        }
        catch (NftException e) when (IsMissing(e))
        {
            return null;
        }
        catch (Exception e) when (e is NftException or JsonException or KernelException)
        {
            return $"whether nftables sets marks can't be read: {e.Message}";
        }
    }

    private static string? FindLegacyMark(string program, string tables)
    {
        try
        {
            return File.ReadLines(tables).Contains("nat") ? FirewallEvaluator.FindMark(ReadLegacyTable(program, "nat")) : null;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or Win32Exception or FormatException)
        {
            return $"whether {program} sets marks can't be read: {e.Message}";
        }
    }

    private static ImmutableArray<FilterChain> ReadLegacyTable(string program, string table) => IptablesRules.Parse(Run(program, table), program[..program.IndexOf("-save", StringComparison.Ordinal)]);

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

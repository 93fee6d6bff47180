using Culvert.Interop.Netlink;
using Culvert.Labs;

namespace Culvert.Cli.Checks.Network;

/// <summary>What others have made of this machine's network: links, packet filter, settings.</summary>
/// <param name="Links">Names of all links.</param>
/// <param name="Filter">The packet filter's rules.</param>
/// <param name="BridgeSettings">Settings in force by which what crosses a bridge goes through netfilter, as sysctl has them.</param>
/// <param name="Bridges">Names of the bridges.</param>
internal sealed record HostNetwork(IReadOnlyList<string> Links, FilterRules Filter, IReadOnlyList<string> BridgeSettings, IReadOnlyList<string> Bridges)
{
    // Where the kernel says which tables of iptables-legacy there are. Without any its programs fail, or make them.
    private const string LegacyTables4 = "/proc/net/ip_tables_names", LegacyTables6 = "/proc/net/ip6_tables_names";

    // nft shows the rules of iptables-nft too, but without what it does not know of itself.
    private static readonly (string Program, string? Tables)[] SavePrograms =
        [("iptables-nft-save", null), ("ip6tables-nft-save", null), ("iptables-legacy-save", LegacyTables4), ("ip6tables-legacy-save", LegacyTables6)];

    /// <summary>Looks at this machine.</summary>
    /// <returns>What was found; programs that are not installed list nothing.</returns>
    /// <exception cref="ToolFailedException">One of them failed.</exception>
    public static async Task<HostNetwork> ReadAsync(CancellationToken cancellationToken)
    {
        using var netlink = RouteNetlink.Open();
        string[] links = [.. netlink.GetLinks().Select(l => l.Name)];
        var filter = FilterRules.None;
        if (IsInstalled("nft")) filter = filter.And(FilterRules.FromNft(await Tool.RequireAsync("nft", ["-s", "list", "ruleset"], null, null, cancellationToken)));
        foreach (var (program, _) in SavePrograms.Where(p => IsInstalled(p.Program) && (p.Tables is null || HasText(p.Tables))))
        {
            filter = filter.And(FilterRules.FromSave(program, await Tool.RequireAsync(program, [], null, null, cancellationToken)));
        }

        return new HostNetwork(
            links,
            filter,
            BridgeNetfilter.SettingsInForce(),
            [.. links.Where(l => Directory.Exists($"/sys/class/net/{l}/bridge"))]);
    }

    private static bool IsInstalled(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Any(folder => File.Exists(Path.Combine(folder, program)));

    private static bool HasText(string file) => File.Exists(file) && File.ReadAllText(file).Trim().Length > 0;
}

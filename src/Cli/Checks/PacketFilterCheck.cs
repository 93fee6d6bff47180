using Culvert.Labs;

namespace Culvert.Cli.Checks;

/// <summary>Packet filter rules that take connections away, as other meshes install them.</summary>
internal static class PacketFilterCheck
{
    private static readonly (string Program, string[] Arguments)[] Listings =
    [
        ("nft", ["-s", "list", "ruleset"]),
        ("iptables-save", ["-t", "mangle"]),
        ("ip6tables-save", ["-t", "mangle"]),
        ("iptables-legacy-save", ["-t", "mangle"]),
    ];

    public static async Task<IReadOnlyList<Finding>> RunAsync(CancellationToken cancellationToken)
    {
        var lines = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (program, arguments) in Listings.Where(l => IsInstalled(l.Program)))
        {
            var result = await Tool.RunAsync(program, arguments, null, null, cancellationToken);
            lines.UnionWith(result.Output.Split('\n').Select(l => l.Trim()).Where(l => l.Contains("tproxy", StringComparison.OrdinalIgnoreCase)));
        }

        return lines.Count == 0
            ? [Finding.Ok("tproxy", "no TPROXY rule in the packet filter")]
            : [.. lines.Select(line => Finding.Warning(
                "tproxy", $"a packet filter rule diverts connections: {line}", "remove the other mesh's rules, or exclude the pods it serves"))];
    }

    private static bool IsInstalled(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Any(folder => File.Exists(Path.Combine(folder, program)));
}

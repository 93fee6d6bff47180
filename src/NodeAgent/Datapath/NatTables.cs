using System.Text.Json;
using Culvert.Interop.Netfilter;

namespace Culvert.NodeAgent.Datapath;

/// <summary>What of netfilter's address translation there is in the calling thread's network namespace, and what of it is agents'. Thread-safe.</summary>
public static class NatTables
{
    private const string Family = "inet";
    private const string Name = "culvert";

    /// <summary>Removes the tables of all agents.</summary>
    /// <returns>One line for each; none where nftables can't be had, without which there are none.</returns>
    /// <exception cref="NftException">nft refused.</exception>
    public static IReadOnlyList<string> RemoveAll()
    {
        if (!NftContext.IsInstalled) return [];
        using NftContext nft = NftContext.Open();
        return RemoveAll(nft);
    }

    /// <summary>Name of an agent's table. Agents that share a network namespace may have the same marks, and have other ports.</summary>
    internal static string NameOf(Options.PacketMarks marks, ushort tunnelPort) =>
        Name + (marks == Options.PacketMarks.Default ? "" : FormattableString.Invariant($"-{marks.Mask:x}")) + (tunnelPort == Options.AgentOptionsDefaults.TunnelPort ? "" : FormattableString.Invariant($"-{tunnelPort}"));

    /// <summary>Removes the tables of all agents.</summary>
    internal static IReadOnlyList<string> RemoveAll(NftContext nft)
    {
        List<string> removed = [];
        foreach (string table in Listed(nft, "list tables", "table").Select(t => $"{Text(t, "family")} {Text(t, "name")}").Where(IsAgents))
        {
            nft.Run($"delete table {table}");
            removed.Add($"nft table {table}");
        }
        return removed;
    }

    /// <summary>Who else translates the destinations of packets; null: nobody.</summary>
    /// <param name="nft">nftables.</param>
    /// <param name="alsoSources">Also who translates the sources of packets that go out.</param>
    internal static string? FindOthers(NftContext nft, bool alsoSources)
    {
        foreach (string names in (string[])["ip_tables_names", "ip6_tables_names"])
        {
            string path = $"/proc/thread-self/net/{names}";
            if (File.Exists(path) && File.ReadLines(path).Contains("nat")) return $"the table nat of iptables ({names})";
        }
        foreach (JsonElement chain in Listed(nft, "list chains", "chain"))
        {
            if (Text(chain, "type") == "nat" && (Text(chain, "hook") is "prerouting" or "output" || (alsoSources && Text(chain, "hook") == "postrouting")) && !IsAgents($"{Text(chain, "family")} {Text(chain, "table")}")) return $"the chain {Text(chain, "family")} {Text(chain, "table")} {Text(chain, "name")}";
        }
        return null;
    }

    /// <summary>Whether a table, named with its family, is an agent's.</summary>
    public static bool IsAgents(string table) => table == $"{Family} {Name}" || table.StartsWith($"{Family} {Name}-", StringComparison.Ordinal);

    private static List<JsonElement> Listed(NftContext nft, string command, string kind)
    {
        using JsonDocument answer = JsonDocument.Parse(nft.RunJson(command));
        return [.. answer.RootElement.GetProperty("nftables").EnumerateArray().Where(e => e.TryGetProperty(kind, out _)).Select(e => e.GetProperty(kind).Clone())];
    }

    private static string Text(JsonElement element, string name) => element.TryGetProperty(name, out JsonElement value) ? value.ToString() : "";
}

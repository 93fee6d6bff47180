namespace Culvert.Cli.Checks.Network;

/// <summary>The kernel's br_netfilter, which has what crosses bridges go through iptables and nftables. Its settings are those of the caller's network namespace. Thread-safe.</summary>
internal static class BridgeNetfilter
{
    private const string Folder = "/proc/sys/net/bridge";
    private static readonly string[] Settings = ["bridge-nf-call-iptables", "bridge-nf-call-ip6tables"];

    /// <summary>Names of the settings that are on, as sysctl has them; none where the module is not loaded.</summary>
    /// <exception cref="IOException">One can't be read.</exception>
    public static IReadOnlyList<string> SettingsInForce() =>
        [.. Settings.Where(IsOn).Select(s => $"net.bridge.{s}")];

    private static bool IsOn(string setting)
    {
        try
        {
            return File.ReadAllText($"{Folder}/{setting}").Trim() != "0";
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
    }
}

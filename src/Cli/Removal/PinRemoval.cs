using System.Globalization;

namespace Culvert.Cli.Removal;

/// <summary>Unpins maps and links; the kernel detaches and frees what nothing else holds.</summary>
internal static class PinRemoval
{
    public static IReadOnlyList<string> Run(string bpfFolder)
    {
        if (!Directory.Exists(bpfFolder))
        {
            return [];
        }

        var removed = new List<string>();
        foreach (var version in Directory.GetDirectories(bpfFolder, "v*").Where(IsVersion))
        {
            // Links first, so that no program runs on with half of its maps; of these XDP, which without the program at TC would send headers into pods,
            // and last the socket lookup, to which those at TC leave packets.
            foreach (var pin in Directory.GetFiles(version, "*", SearchOption.AllDirectories)
                .OrderBy(p => !p.Contains("/links/", StringComparison.Ordinal)).ThenBy(p => !p.EndsWith("_xdp", StringComparison.Ordinal))
                .ThenBy(p => p.EndsWith("/sk_lookup", StringComparison.Ordinal)))
            {
                File.Delete(pin);
                removed.Add("pin " + pin);
            }

            Directory.Delete(version, recursive: true);
        }

        if (!Directory.EnumerateFileSystemEntries(bpfFolder).Any() && !MountPoint.Is(bpfFolder))
        {
            Directory.Delete(bpfFolder);
        }

        return removed;
    }

    private static bool IsVersion(string path) =>
        int.TryParse(Path.GetFileName(path).AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out _);
}

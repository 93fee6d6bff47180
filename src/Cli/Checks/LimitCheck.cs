using System.Globalization;

namespace Culvert.Cli.Checks;

/// <summary>Limits of processes and of the kernel's network stack that a busy node runs into.</summary>
internal static class LimitCheck
{
    private const long WantedDescriptors = 65_536;
    private const int WantedBacklog = 1024;

    public static IReadOnlyList<Finding> Run() => [Descriptors(), Backlog(), ReversePath()];

    // The hard limit counts: the agent raises its soft limit to it.
    private static Finding Descriptors()
    {
        const string Label = "Max open files";
        var line = File.ReadLines("/proc/self/limits").First(l => l.StartsWith(Label, StringComparison.Ordinal));
        var hard = line[Label.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        return hard == "unlimited" || long.Parse(hard, CultureInfo.InvariantCulture) >= WantedDescriptors
            ? Finding.Ok("limits", $"up to {hard} open files")
            : Finding.Warning("limits", $"only {hard} open files: two are used for each proxied connection", "raise it: LimitNOFILE=1048576 in the unit, or `ulimit -n 1048576`");
    }

    private static Finding Backlog()
    {
        var value = int.Parse(File.ReadAllText("/proc/sys/net/core/somaxconn"), CultureInfo.InvariantCulture);
        return value >= WantedBacklog
            ? Finding.Ok("limits", $"net.core.somaxconn is {value}")
            : Finding.Warning("limits", $"net.core.somaxconn is {value}: bursts of connections are refused", $"sysctl -w net.core.somaxconn={WantedBacklog}");
    }

    private static Finding ReversePath()
    {
        var value = File.ReadAllText("/proc/sys/net/ipv4/conf/all/rp_filter").Trim();
        return value != "1"
            ? Finding.Ok("limits", $"net.ipv4.conf.all.rp_filter is {value}")
            : Finding.Warning("limits", "net.ipv4.conf.all.rp_filter is 1 (strict): captured connections may be dropped as martians", "sysctl -w net.ipv4.conf.all.rp_filter=2");
    }
}

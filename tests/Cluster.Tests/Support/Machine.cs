using System.Globalization;
using Culvert.Interop;
using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;
using Culvert.Labs;

namespace Culvert.ClusterTests.Support;

/// <summary>A node of a lab as a machine of its own: with its own processes, mounts, name and BPF file system beside its network. All of it ends with its first process. Thread-safe.</summary>
internal sealed class Machine
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    // Of the processors' time, where a session of other programs gets 1024.
    private const int SharesOfPods = 8192;

    private readonly LabNode _node;
    private LabProcess _process;
    private int _first;

    private Machine(LabNode node, LabProcess process, int first) => (_node, _process, _first) = (node, process, first);

    /// <summary>Its name, also that of its node in the cluster.</summary>
    public string Name => _node.Name;

    /// <summary>Its address.</summary>
    public string Address => _node.Address4.ToString();

    /// <summary>Its number in the lab: its pods have addresses of 10.91.NUMBER.0/24.</summary>
    public int Number => _node.Index;

    /// <summary>Its place in the lab, of which only the network is the machine's.</summary>
    public LabNode Place => _node;

    /// <summary>What is attached to its links by TCX.</summary>
    public IReadOnlyList<TcxAttachment> TcxPrograms()
    {
        using var place = NetworkNamespace.OpenPath(_node.NamespacePath);
        return place.Run(() =>
        {
            using var netlink = RouteNetlink.Open();
            return netlink.GetLinks().SelectMany(l => Enum.GetValues<TcDirection>().SelectMany(d => BpfLink.QueryTcx(l.Index, d))).ToArray();
        });
    }

    /// <summary>A folder that it has in common with the tests.</summary>
    public string Folder => FolderOf(_node);

    /// <summary>Folder of its pods in each hierarchy of control groups.</summary>
    public string ControlGroup => "/" + _node.Namespace;

    /// <summary>Folder of the manifests of pods that its kubelet starts of itself.</summary>
    public string StaticPods => Path.Combine(Folder, "static-pods");

    /// <summary>Where the tests find one of its files.</summary>
    public string PathOf(string path) => string.Create(CultureInfo.InvariantCulture, $"/proc/{_first}/root{path}");

    public static async Task<Machine> StartAsync(LabNode node)
    {
        Directory.CreateDirectory(Path.Combine(FolderOf(node), "static-pods"));
        await Tool.RequireAsync("sh", ["-eu"], $"""
            group={node.Namespace}
            for h in /sys/fs/cgroup/*/; do
              case $h in */unified/) ;; *) mkdir -p "$h$group" ;; esac
            done
            # Other suites may run beside it, which can wait.
            if [ -e /sys/fs/cgroup/cpu/$group/cpu.shares ]; then echo {SharesOfPods} > /sys/fs/cgroup/cpu/$group/cpu.shares; fi
            if [ -e /sys/fs/cgroup/cpuset ]; then
              for f in cpus mems; do cat /sys/fs/cgroup/cpuset/cpuset.$f > /sys/fs/cgroup/cpuset/$group/cpuset.$f; done
            fi
            """);
        var (process, first) = await BootAsync(node);
        return new Machine(node, process, first);
    }

    /// <summary>Ends all its processes at once, and has it start anew: with what is on its disk, and with nothing of its memory, nor of the kernel's at its network but its card.</summary>
    public async Task RestartAsync()
    {
        await _process.KillAsync();

        // Its mounts go with the last of its processes.
        await LabWait.UntilAsync($"{Name} is off", () => !Directory.Exists(string.Create(CultureInfo.InvariantCulture, $"/proc/{_first}")), Deadline);
        File.Delete(Path.Combine(Folder, "ready"));
        await _node.ScriptAsync("""
            for link in $(ip -o link show type bridge | sed -n 's/^[0-9]*: \([^:@]*\)[:@].*/\1/p'); do ip link delete "$link"; done
            for link in $(ip -o link show | sed -n 's/^[0-9]*: \([^:@]*\)[:@].*/\1/p'); do tc qdisc delete dev "$link" clsact 2> /dev/null || :; done
            ip rule flush && ip rule add priority 32766 lookup main && ip rule add priority 32767 lookup default
            ip -6 rule flush && ip -6 rule add priority 32766 lookup main
            nft flush ruleset
            """);
        (_process, _first) = await BootAsync(_node);
    }

    /// <summary>Starts a program that runs to the end of the lab.</summary>
    public LabProcess Start(string name, string program, params IReadOnlyList<string> arguments) => _node.Start(name, "nsenter", [.. Enter, program, .. arguments]);

    /// <summary>Runs a program to its end.</summary>
    public Task<string> RunAsync(string program, params IReadOnlyList<string> arguments) => Tool.RequireAsync("nsenter", [.. Enter, "--net", program, .. arguments], null, TimeSpan.FromSeconds(60), CancellationToken.None);

    private static async Task<(LabProcess Process, int First)> BootAsync(LabNode node)
    {
        var script = Path.Combine(AppContext.BaseDirectory, "Support", "machine.sh");
        var process = node.Start("machine", "unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "sh", "-eu", script, FolderOf(node), node.Name);
        await LabWait.UntilAsync($"{node.Name} is there", () => File.Exists(Path.Combine(FolderOf(node), "ready")), Deadline, process);
        var children = await File.ReadAllTextAsync(string.Create(CultureInfo.InvariantCulture, $"/proc/{process.Id}/task/{process.Id}/children"));
        return (process, int.Parse(children.Trim(), CultureInfo.InvariantCulture));
    }

    private static string FolderOf(LabNode node) => Path.Combine(node.Folder, "machine");

    private string[] Enter => ["--target", _first.ToString(CultureInfo.InvariantCulture), "--mount", "--uts", "--pid"];
}

using System.Globalization;
using Culvert.Labs;

namespace Culvert.ClusterTests.Support;

/// <summary>A node of a lab as a machine of its own: with its own processes, mounts, name and BPF file system beside its network. All of it ends with its first process. Thread-safe.</summary>
internal sealed class Machine
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);
    private readonly LabNode _node;
    private readonly int _first;

    private Machine(LabNode node, int first) => (_node, _first) = (node, first);

    /// <summary>Its name, also that of its node in the cluster.</summary>
    public string Name => _node.Name;

    /// <summary>Its address.</summary>
    public string Address => _node.Address4.ToString();

    /// <summary>Its number in the lab: its pods have addresses of 10.91.NUMBER.0/24.</summary>
    public int Number => _node.Index;

    /// <summary>Its place in the lab, of which only the network is the machine's.</summary>
    public LabNode Place => _node;

    /// <summary>A folder that it has in common with the tests.</summary>
    public string Folder => Path.Combine(_node.Folder, "machine");

    /// <summary>Folder of its pods in each hierarchy of control groups.</summary>
    public string ControlGroup => "/" + _node.Namespace;

    public static async Task<Machine> StartAsync(LabNode node)
    {
        var machine = new Machine(node, 0);
        Directory.CreateDirectory(machine.Folder);
        await Tool.RequireAsync("sh", ["-eu"], $"""
            group={node.Namespace}
            for h in /sys/fs/cgroup/*/; do
              case $h in */unified/) ;; *) mkdir -p "$h$group" ;; esac
            done
            if [ -e /sys/fs/cgroup/cpuset ]; then
              for f in cpus mems; do cat /sys/fs/cgroup/cpuset/cpuset.$f > /sys/fs/cgroup/cpuset/$group/cpuset.$f; done
            fi
            """);
        var script = Path.Combine(AppContext.BaseDirectory, "Support", "machine.sh");
        var process = node.Start("machine", "unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "sh", "-eu", script, machine.Folder, node.Name);
        await LabWait.UntilAsync($"{node.Name} is there", () => File.Exists(Path.Combine(machine.Folder, "ready")), Deadline, process);
        var children = await File.ReadAllTextAsync(string.Create(CultureInfo.InvariantCulture, $"/proc/{process.Id}/task/{process.Id}/children"));
        return new Machine(node, int.Parse(children.Trim(), CultureInfo.InvariantCulture));
    }

    /// <summary>Starts a program that runs to the end of the lab.</summary>
    public LabProcess Start(string name, string program, params IReadOnlyList<string> arguments) => _node.Start(name, "nsenter", [.. Enter, program, .. arguments]);

    /// <summary>Runs a program to its end.</summary>
    public Task<string> RunAsync(string program, params IReadOnlyList<string> arguments) => Tool.RequireAsync("nsenter", [.. Enter, "--net", program, .. arguments], null, TimeSpan.FromSeconds(60), CancellationToken.None);

    private string[] Enter => ["--target", _first.ToString(CultureInfo.InvariantCulture), "--mount", "--uts", "--pid"];
}

using System.Diagnostics;
using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Options;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.Datapath;

/// <summary>A namespace with one uplink, a BPF file system and the loaded programs.</summary>
internal sealed class AttachFixture : IDisposable
{
    private static int s_count;
    private readonly string _name = $"cv-at{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}";
    private readonly NetworkNamespace _network;

    internal AttachFixture(int mtu = 1500)
    {
        Folder = Path.Combine(Path.GetTempPath(), _name);
        Directory.CreateDirectory(Folder);
        _network = NetworkNamespace.Create(_name);
        Ip($"link add up0 mtu {mtu} type veth peer name far0 mtu {mtu}");
        Ip("link set up0 addrgenmode none"); // no address comes by itself, later
        Ip("link set up0 up");
        Pins = PinFolder.Prepare(Folder);
        Options = new AgentOptions { BpfFolder = Folder };
        Programs = DatapathPrograms.Load(Options, Pins, NullLogger.Instance);
        using (_network.Enter())
        {
            using RouteNetlink netlink = RouteNetlink.Open();
            Uplink = new KernelLinks(netlink).FindByName("up0")!;
        }
    }

    internal string Folder { get; }

    internal PinFolder Pins { get; }

    internal AgentOptions Options { get; }

    internal DatapathPrograms Programs { get; }

    internal LinkState Uplink { get; }

    internal static string XdpObject => Path.Combine(AppContext.BaseDirectory, "bpf", "xdp.bpf.o");

    internal XdpAttacher NewAttacher(string? path = null) => new(Pins, path ?? XdpObject, NullLogger.Instance);

    internal NetworkNamespace OpenNetwork() => NetworkNamespace.Open(_name);

    internal void In(Action action)
    {
        using (_network.Enter()) action();
    }

    internal string Ip(string arguments) => Run("ip", $"-n {_name} {arguments}".Split(' '));

    /// <summary>Runs a shell script in the namespace; any failing line is an error.</summary>
    internal string Shell(string script) => Run("nsenter", [$"--net=/run/netns/{_name}", "sh", "-ec", script]);

    private static string Run(string program, string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        string output = process.StandardOutput.ReadToEnd(), error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {error}");
        return output;
    }

    public void Dispose()
    {
        Programs.Dispose();
        BpfFs.Unmount(Folder);
        Directory.Delete(Folder);
        _network.Dispose();
        NetworkNamespace.Delete(_name);
    }
}

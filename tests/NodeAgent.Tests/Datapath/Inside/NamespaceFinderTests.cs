using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using Culvert.Core;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Datapath.Inside;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.Datapath.Inside;

/// <summary>Whose a network namespace is: an address alone does not make it a workload's. Needs root.</summary>
[Trait("Category", "Attack")]
public sealed class NamespaceFinderTests : IDisposable
{
    private static readonly IPAddress Victim = IPAddress.Parse("10.8.0.2"), Other = IPAddress.Parse("10.8.0.3");
    private static int s_count;

    private readonly string _name = string.Create(CultureInfo.InvariantCulture, $"cv-nf{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}");
    private readonly List<string> _namespaces = [];
    private readonly List<Process> _processes = [];
    private readonly Stack<string> _groups = [];
    private readonly DirectoryInfo _folder;
    private readonly Dictionary<string, ulong> _captured = [];
    private readonly NetworkNamespace _node;

    public NamespaceFinderTests()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for network namespaces");
        _folder = Directory.CreateTempSubdirectory("culvert-spaces-");
        _node = Make("node");
    }

    [Fact]
    public void AnAddressThatAPodHasGivenItselfIsNotItsWhereTheNodeHasRoutesToPods()
    {
        using NetworkNamespace thief = MakePod("thief", Other, hostRoute: true);
        Ip("thief", $"address add {Victim}/32 dev eth0");

        // The workload has not come yet, and while it is not there nobody is taken for it.
        Assert.Null(Find(out string obstacle, out bool isWaiting));
        Assert.Contains("no network namespace", obstacle, StringComparison.Ordinal);
        Assert.True(isWaiting);
        using NetworkNamespace victim = MakePod("victim", Victim, hostRoute: true);
        Assert.Equal(victim.Inode, Find(out _, out isWaiting)?.Inode);
        Assert.False(isWaiting);
    }

    [Fact]
    public void TheVethThatItWasDeclaredWithSaysWhereItIs()
    {
        using NetworkNamespace thief = MakePod("thief", Victim, hostRoute: false), victim = MakePod("victim", Victim, hostRoute: false);
        Assert.Null(Find(out string obstacle, out _));
        Assert.Contains("several network namespaces", obstacle, StringComparison.Ordinal);
        Assert.Equal(victim.Inode, Find(out _, out _, "victim0")?.Inode);
    }

    [Fact]
    public void WhatItsRuntimeHasToldSaysWhereItIs()
    {
        using NetworkNamespace thief = MakePod("thief", Victim, hostRoute: false), victim = MakePod("victim", Victim, hostRoute: false);
        Assert.Equal(victim.Inode, Find(out _, out _, told: Path.Combine(NetworkNamespace.Folder, $"{_name}-victim"))?.Inode);

        // Where it has no address yet, others that have it are not taken for it.
        Ip("victim", $"address del {Victim}/32 dev eth0");
        Assert.Null(Find(out _, out bool isWaiting, told: Path.Combine(NetworkNamespace.Folder, $"{_name}-victim")));
        Assert.True(isWaiting);

        // A path that can't be opened says nothing.
        Assert.Equal(thief.Inode, Find(out _, out _, told: "/run/netns/of-another-machine")?.Inode);
    }

    [Fact]
    public void TheControlGroupOfAProcessSaysWhichPodItIs()
    {
        const string Pod = "2af1f6a2-91c1-4d57-8f0a-0d1c4be0a7d1", ThiefsPod = "9bb81b2e-5b1f-44a6-9f4b-3f2a7f2f9f10";
        using NetworkNamespace thief = MakePod("thief", Victim, hostRoute: true), victim = MakePod("victim", Victim, hostRoute: false);
        Assert.Equal(thief.Inode, Find(out _, out _, podUid: Pod, hostInterface: "thief0")?.Inode);

        // A pod makes what groups it likes, below its own.
        StartIn("thief", $"kubepods/besteffort/pod{ThiefsPod}/pod{Pod}");
        Assert.Null(Find(out string obstacle, out bool isWaiting, podUid: Pod, hostInterface: "thief0"));
        Assert.True(isWaiting, obstacle);
        StartIn("victim", $"kubepods/pod{Pod}/c1");
        Assert.Equal(victim.Inode, Find(out _, out _, podUid: Pod, hostInterface: "thief0")?.Inode);
    }

    [Fact]
    public void WhoIsCapturedStaysSoWhateverOthersDo()
    {
        using NetworkNamespace victim = MakePod("victim", Victim, hostRoute: false);
        Assert.Equal(victim.Inode, Find(out _, out _)?.Inode);
        _captured["shop/victim"] = victim.Inode;
        using NetworkNamespace thief = MakePod("thief", Victim, hostRoute: false);
        Assert.Equal(victim.Inode, Find(out _, out _)?.Inode);
    }

    [Fact]
    public void WhoIsCapturedStaysSoWhateverIsDoneInItsNamespace()
    {
        using NetworkNamespace victim = MakePod("victim", Victim, hostRoute: false);
        SpaceNumbers numbers = new(_folder.FullName, NullLogger.Instance);
        Assert.NotNull(Find(out _, out _, numbers: numbers));
        Ip("victim", "link set lo down");
        Assert.NotNull(Find(out _, out _, numbers: numbers));

        // Who was not can't be.
        Assert.Null(Find(out string obstacle, out _));
        Assert.Contains("its loopback link is down", obstacle, StringComparison.Ordinal);
    }

    [Fact]
    public void ANamespaceThatAUserHasMadeIsNobodys()
    {
        Process process = Start("unshare", ["--user", "--map-root-user", "--net", "sh", "-c", $"ip link add eth0 type bridge && ip address add {Victim}/32 dev eth0 && ip link set eth0 up && ip link set lo up && echo made && exec sleep 300"]);
        Assert.Equal("made", process.StandardOutput.ReadLine());
        using (NetworkNamespace users = NetworkNamespace.OfProcess(process.Id)) Assert.Equal((false, true), (users.BelongsToOwnUserNamespace(), _node.BelongsToOwnUserNamespace()));
        Assert.Null(Find(out _, out _));
    }

    [Fact]
    public void ABridgeIsNoPodsLink()
    {
        using NetworkNamespace thief = Make("thief");
        Ip("thief", "link set lo up");
        Ip("thief", "link add eth0 type bridge");
        Ip("thief", $"address add {Victim}/32 dev eth0");
        Assert.Null(Find(out _, out _));
    }

    [Fact]
    public void ANumberWithProgramsOfWhichNothingIsKnownIsNotGivenAgain()
    {
        SpaceNumbers numbers = new(_folder.FullName, NullLogger.Instance) { IsLeft = number => number is 1 or 2 };
        Assert.Equal((ushort)3, numbers.Take(new SpaceOwner(7, "shop/victim")));
        Assert.Equal((ushort)3, numbers.Take(new SpaceOwner(7, "shop/victim")));
    }

    public void Dispose()
    {
        foreach (Process process in _processes)
        {
            process.Kill();
            process.WaitForExit();
            process.Dispose();
        }
        foreach (string group in _groups) Directory.Delete(group);
        _node?.Dispose();
        foreach (string name in _namespaces) NetworkNamespace.Delete(name);
        _folder?.Delete(recursive: true);
    }

    private PodNamespace? Find(out string obstacle, out bool isWaiting, string? hostInterface = null, SpaceNumbers? numbers = null, string? told = null, string? podUid = null)
    {
        WorkloadInfo workload = ReconcilerFixture.Pod("victim", Victim.ToString()) with { Uid = "shop/victim", HostInterface = hostInterface, Addresses = [Victim], PodUid = podUid };
        using NetworkNamespace.Scope scope = _node.Enter();
        using RouteNetlink netlink = RouteNetlink.Open();
        NamespaceFinder finder = new(numbers ?? new SpaceNumbers(Directory.CreateDirectory(Path.Combine(_folder.FullName, Path.GetRandomFileName())).FullName, NullLogger.Instance), w => _captured.TryGetValue(w.Uid, out ulong inode) ? inode : null, _ => told);
        PodNamespace? found = new KernelLinks(netlink, finder).FindInside(workload, "a test", out obstacle);
        isWaiting = finder.IsWaiting;
        return found;
    }

    /// <summary>A process in a namespace and in a control group, as kubelet and runtime start a pod's.</summary>
    private void StartIn(string place, string group)
    {
        string folder = new[] { "/sys/fs/cgroup/pids", "/sys/fs/cgroup" }.First(Directory.Exists);
        foreach (string part in group.Split('/').Prepend(_name))
        {
            folder = Path.Combine(folder, part);
            if (Directory.Exists(folder)) continue;
            Directory.CreateDirectory(folder);
            _groups.Push(folder);
        }
        Process process = Start("sh", ["-c", $"echo $$ > {folder}/cgroup.procs && exec ip netns exec {_name}-{place} sh -c 'echo there && exec sleep 300'"]);
        Assert.Equal("there", process.StandardOutput.ReadLine());
    }

    private NetworkNamespace Make(string place)
    {
        NetworkNamespace made = NetworkNamespace.Create($"{_name}-{place}");
        _namespaces.Add($"{_name}-{place}");
        return made;
    }

    private NetworkNamespace MakePod(string place, IPAddress address, bool hostRoute)
    {
        NetworkNamespace pod = Make(place);
        Ip("node", $"link add {place}0 type veth peer name eth0 netns {_name}-{place}");
        Ip("node", $"link set {place}0 up");
        Ip(place, "link set lo up");
        Ip(place, "link set eth0 up");
        Ip(place, $"address add {address}/32 dev eth0");
        if (hostRoute) Ip("node", $"route add {address}/32 dev {place}0");
        return pod;
    }

    private void Ip(string place, string arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo("ip", $"-n {_name}-{place} {arguments}") { RedirectStandardError = true })!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"ip {arguments}: {error}");
    }

    private Process Start(string program, string[] arguments)
    {
        Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        _processes.Add(process);
        return process;
    }
}

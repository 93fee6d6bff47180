using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Culvert.Core;
using Culvert.Interop.Netlink;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Datapath.Inside;
using Culvert.NodeAgent.WorkloadApi;

namespace Culvert.NodeAgent.Tests.WorkloadApi;

/// <summary>Whose network namespace a process is in that connects, with processes in namespaces of their own, which have no names. As root.</summary>
public sealed class NamespaceAttestorTests : IDisposable
{
    private const int LoneIndex = 771;

    private static readonly string[] Places = ["node", "web", "db", "lone"];

    private readonly string _path = Path.Combine(Path.GetTempPath(), $"culvert-attestor-{Guid.NewGuid():N}.sock");
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Dictionary<string, Process> _keepers = [];
    private readonly List<Process> _processes = [];
    private readonly List<NamespaceAttestor> _attestors = [];
    private readonly List<Socket> _connections = [];
    private readonly List<PeerProcess> _peers = [];

    // Of whoever is asked for: the test itself may run in a pod of a kubelet's.
    private Func<string, string?> _podOf = _ => null;

    public NamespaceAttestorTests()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for network namespaces");
        _listener.Bind(new UnixDomainSocketEndPoint(_path));
        _listener.Listen();
        foreach (string place in Places) _keepers.Add(place, Keep());
        AddLink("to-web", "web");
        AddLink("to-db", "db");
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        foreach (NamespaceAttestor attestor in _attestors) attestor.Dispose();
        foreach (PeerProcess peer in _peers) peer.Dispose();
        foreach (Socket connection in _connections) connection.Dispose();
        foreach (Process process in _processes.Concat(_keepers.Values))
        {
            process.Kill();
            process.WaitForExit();
            process.Dispose();
        }
        _listener.Dispose();
        File.Delete(_path);
    }

    [Fact]
    public async Task AProcessIsOfThePodWhoseNamespaceItIsIn()
    {
        LocalEndpoint web = Endpoint("web", "to-web"), db = Endpoint("db", "to-db");
        NamespaceAttestor attestor = Attestor(web, db);
        AttestedCaller? ofWeb = attestor.Attest(await ConnectFromAsync("web"), out _), ofDb = attestor.Attest(await ConnectFromAsync("db"), out _);
        Assert.Equal(("shop/web", "uid-web"), (ofWeb!.Uid, ofWeb.PodUid));
        Assert.Equal("shop/db", ofDb!.Uid);
        Assert.Same(web.Workload, attestor.Find(ofWeb));

        // Another pod of the name, or the same captured elsewhere, is not who has connected.
        Assert.Null(Attestor(web with { Workload = web.Workload with { PodUid = "uid-of-the-next" } }).Find(ofWeb));
        Assert.Null(Attestor(web with { Index = web.Index + 100 }).Find(ofWeb));
        Assert.Null(Attestor().Find(ofWeb));
    }

    [Fact]
    public async Task APodThatIsCapturedInsideIsKnownByItsNamespace()
    {
        ulong inode = InodeOf("web");
        LocalEndpoint web = Endpoint("web", "to-web") with { Index = 1 << 20, Inside = new PodNamespace(1, "", inode, "eth0", 2, 1500, "a test") };
        NamespaceAttestor attestor = Attestor(Endpoint("db", "to-db"), web);
        AttestedCaller? caller = attestor.Attest(await ConnectFromAsync("web"), out _);
        Assert.Equal(("shop/web", inode), (caller!.Uid, caller.Inode));
        Assert.Same(web.Workload, attestor.Find(caller));
    }

    [Fact]
    public async Task TheNodesOwnProcessesAndThoseOfPodsThatAreNotCapturedAreNobody()
    {
        NamespaceAttestor attestor = Attestor(Endpoint("web", "to-web"));
        Assert.Null(attestor.Attest(await ConnectFromAsync("node"), out string reason));
        Assert.Contains("in the node's own network namespace", reason, StringComparison.Ordinal);
        Assert.Null(attestor.Attest(await ConnectFromAsync("db"), out reason));
        Assert.Contains("of no pod that is in the mesh and captured on this node", reason, StringComparison.Ordinal);
        Assert.Null(attestor.Attest(await ConnectFromAsync("lone"), out reason));
        Assert.Contains("of no pod that is in the mesh and captured on this node", reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ConnectionsOfOnePodBelongTogether()
    {
        NamespaceAttestor attestor = Attestor(Endpoint("web", "to-web"), Endpoint("db", "to-db"));
        PeerProcess first = await ConnectFromAsync("web"), second = await ConnectFromAsync("web"), other = await ConnectFromAsync("db"), lone = await ConnectFromAsync("lone"), node = await ConnectFromAsync("node");

        // Before they are looked at they are of one group, with those of namespaces that are no pod's; the node's own are not.
        PeerProcess[] all = [first, second, other, lone];
        Assert.All(all, peer => Assert.Equal("", attestor.GroupOf(peer)));
        Assert.NotEqual("", attestor.GroupOf(node));
        foreach (PeerProcess peer in all) attestor.Attest(peer, out _);
        Assert.Equal(attestor.GroupOf(first), attestor.GroupOf(second));
        Assert.Equal(4, new[] { first, other, lone, node }.Select(attestor.GroupOf).Distinct().Count());
        Assert.Equal("", attestor.GroupOf(lone));

        // A pod may make any number of network namespaces, and no control group outside of its own.
        _podOf = _ => "uid-web";
        Assert.Equal(["uid-web", "uid-web"], [attestor.GroupOf(first), attestor.GroupOf(other)]);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task AProcessInTheControlGroupOfAnotherPodIsNobody()
    {
        NamespaceAttestor attestor = Attestor(Endpoint("web", "to-web"));
        _podOf = _ => "uid-of-another";
        Assert.Null(attestor.Attest(await ConnectFromAsync("web"), out string reason));
        Assert.Contains("in the control group of another one, uid-of-another", reason, StringComparison.Ordinal);
        _podOf = _ => "uid-web";
        Assert.NotNull(attestor.Attest(await ConnectFromAsync("web"), out _));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task ALinkThatIsMadeWithinANamespaceIsNotTakenForThePods()
    {
        // Both ends are here, one with the number that the host's end of another pod's link has on the node, and with that pod's address; and a link to the node is here, too, which is not that pod's.
        AddLink("to-lone", "lone");
        Ip("lone", $"link add mine index {LoneIndex} type veth peer name far");
        Ip("lone", "address add 10.77.0.1/24 dev far");
        NamespaceAttestor attestor = Attestor(Endpoint("web", "to-web") with { Index = LoneIndex }, Endpoint("db", "to-db"));
        Assert.Null(attestor.Attest(await ConnectFromAsync("lone"), out string reason));
        Assert.Contains("of no pod", reason, StringComparison.Ordinal);

        // What makes the difference is whose link it is at the node.
        Assert.Equal("shop/web", Attestor(Endpoint("web", "to-lone")).Attest(await ConnectFromAsync("lone"), out _)!.Uid);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task ANamespaceBelowAPodsIsNotThePods()
    {
        // As anybody in a pod may make one, and a link from there to the pod's.
        Process below = Keep("web");
        _processes.Add(below);
        Ip("web", $"link add to-below type veth peer name eth0 netns {Id(below)}");
        NamespaceAttestor attestor = Attestor(Endpoint("web", "to-web"));
        Assert.Null(attestor.Attest(await ConnectFromAsync(below), out string reason));
        Assert.Contains("of no pod", reason, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task AProcessThatHasEndedIsNobodyWhoeverHasItsNumberNow()
    {
        // It ends after its namespace was looked at: what was read then by its number could be another's.
        NamespaceAttestor attestor = Attestor(Endpoint("web", "to-web"));
        PeerProcess peer = await ConnectFromAsync("web");
        Process connected = _processes[^1];
        _podOf = _ => End(connected, null);
        Assert.Null(attestor.Attest(peer, out string reason));
        Assert.Equal("the process has ended", reason);

        // And one that has ended before.
        Assert.Null(attestor.Attest(peer, out reason));
        Assert.Equal("the process has ended", reason);
        Assert.Equal("", attestor.GroupOf(peer));

        // Nor is it counted among another pod's for what was read by its number.
        PeerProcess next = await ConnectFromAsync("web");
        Process alsoConnected = _processes[^1];
        _podOf = _ => End(alsoConnected, "uid-of-another");
        Assert.Equal("", attestor.GroupOf(next));

        static string? End(Process process, string? pod)
        {
            process.Kill();
            process.WaitForExit();
            return pod;
        }
    }

    private static string Id(Process process) => process.Id.ToString(CultureInfo.InvariantCulture);

    private static Process Start(params string[] command)
    {
        ProcessStartInfo start = new(command[0], command[1..]) { RedirectStandardOutput = true };
        return Process.Start(start)!;
    }

    // Keeps a network namespace of its own, within another one's user of it if that is given.
    private Process Keep(string? within = null)
    {
        string[] command = ["unshare", "--net", "sh", "-c", "echo made && exec sleep 300"];
        Process process = Start(within is null ? command : ["nsenter", $"--net=/proc/{Id(_keepers[within])}/ns/net", .. command]);
        Assert.Equal("made", process.StandardOutput.ReadLine());
        return process;
    }

    private void Ip(string place, string arguments)
    {
        using Process process = Start(["nsenter", $"--net=/proc/{Id(_keepers[place])}/ns/net", "ip", .. arguments.Split(' ')]);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    private void AddLink(string name, string place) => Ip("node", $"link add {name} type veth peer name eth0 netns {Id(_keepers[place])}");

    private NetworkNamespace Open(string place) => NetworkNamespace.OfProcess(_keepers[place].Id);

    private ulong InodeOf(string place)
    {
        using NetworkNamespace network = Open(place);
        return network.Inode;
    }

    // As an agent of the node has one.
    private NamespaceAttestor Attestor(params LocalEndpoint[] endpoints)
    {
        using NetworkNamespace node = Open("node");
        NamespaceAttestor attestor = node.Run(() => new NamespaceAttestor(() => [.. endpoints], TimeProvider.System, process => _podOf(process)));
        _attestors.Add(attestor);
        return attestor;
    }

    private LocalEndpoint Endpoint(string name, string link)
    {
        using NetworkNamespace node = Open("node");
        using RouteNetlink netlink = RouteNetlink.Open(node);
        WorkloadInfo workload = ServedWorkloads.Workload(name, SpiffeId.ForServiceAccount("cluster.local", "shop", name)) with { PodUid = $"uid-{name}" };
        return new LocalEndpoint(workload, link, netlink.GetLink(link).Index, 1500, [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]);
    }

    private Task<PeerProcess> ConnectFromAsync(string place) => ConnectFromAsync(_keepers[place]);

    // Held from then on, as an agent holds it.
    private async Task<PeerProcess> ConnectFromAsync(Process keeper)
    {
        _processes.Add(Start("nsenter", $"--net=/proc/{Id(keeper)}/ns/net", "curl", "-s", "--max-time", "60", "--unix-socket", _path, "http://localhost/"));
        _connections.Add(await _listener.AcceptAsync(Cancel));
        _peers.Add(PeerProcess.Of(_connections[^1].SafeHandle));
        return _peers[^1];
    }
}

using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Culvert.Core;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Datapath.Inside;
using Culvert.NodeAgent.WorkloadApi;

namespace Culvert.NodeAgent.Tests.WorkloadApi;

/// <summary>Whose network namespace a process is in that connects, with processes in namespaces of their own. As root.</summary>
public sealed class NamespaceAttestorTests : IDisposable
{
    private const int LoneIndex = 771;

    private static readonly string[] Places = ["node", "web", "db", "lone"];

    private readonly string _path = Path.Combine(Path.GetTempPath(), $"culvert-attestor-{Guid.NewGuid():N}.sock");
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Dictionary<string, NetworkNamespace> _namespaces = [];
    private readonly List<Process> _processes = [];

    public NamespaceAttestorTests()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for network namespaces");
        _listener.Bind(new UnixDomainSocketEndPoint(_path));
        _listener.Listen();
        foreach (string place in Places) _namespaces.Add(place, NetworkNamespace.Create(NameOf(place)));
        Ip($"link add to-web netns {NameOf("node")} type veth peer name eth0 netns {NameOf("web")}");
        Ip($"link add to-db netns {NameOf("node")} type veth peer name eth0 netns {NameOf("db")}");
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        foreach (Process process in _processes)
        {
            process.Kill();
            process.WaitForExit();
            process.Dispose();
        }
        foreach ((string place, NetworkNamespace network) in _namespaces)
        {
            network.Dispose();
            NetworkNamespace.Delete(NameOf(place));
        }
        _listener.Dispose();
        File.Delete(_path);
    }

    [Fact]
    public async Task AProcessIsOfThePodWhoseNamespaceItIsIn()
    {
        LocalEndpoint web = Endpoint("web", "to-web"), db = Endpoint("db", "to-db");
        NamespaceAttestor attestor = new(() => [web, db]);
        AttestedCaller? ofWeb = Attest(attestor, await ConnectFromAsync("web"), out _), ofDb = Attest(attestor, await ConnectFromAsync("db"), out _);
        Assert.Equal(("shop/web", "uid-web"), (ofWeb!.Uid, ofWeb.PodUid));
        Assert.Equal("shop/db", ofDb!.Uid);
        Assert.Same(web.Workload, attestor.Find(ofWeb));

        // Another pod of the name, or the same captured elsewhere, is not who has connected.
        Assert.Null(new NamespaceAttestor(() => [web with { Workload = web.Workload with { PodUid = "uid-of-the-next" } }]).Find(ofWeb));
        Assert.Null(new NamespaceAttestor(() => [web with { Index = web.Index + 100 }]).Find(ofWeb));
        Assert.Null(new NamespaceAttestor(() => []).Find(ofWeb));
    }

    [Fact]
    public async Task APodThatIsCapturedInsideIsKnownByItsNamespace()
    {
        ulong inode = _namespaces["web"].Inode;
        LocalEndpoint web = Endpoint("web", "to-web") with { Index = 1 << 20, Inside = new PodNamespace(1, "", inode, "eth0", 2, 1500, "a test") };
        NamespaceAttestor attestor = new(() => [Endpoint("db", "to-db"), web]);
        AttestedCaller? caller = Attest(attestor, await ConnectFromAsync("web"), out _);
        Assert.Equal(("shop/web", inode), (caller!.Uid, caller.Inode));
        Assert.Same(web.Workload, attestor.Find(caller));
    }

    [Fact]
    public async Task TheNodesOwnProcessesAndThoseOfPodsThatAreNotCapturedAreNobody()
    {
        NamespaceAttestor attestor = new(() => [Endpoint("web", "to-web")]);
        Assert.Null(Attest(attestor, await ConnectFromAsync("node"), out string reason));
        Assert.Contains("in the node's own network namespace", reason, StringComparison.Ordinal);
        Assert.Null(Attest(attestor, await ConnectFromAsync("db"), out reason));
        Assert.Contains("of no pod that is in the mesh and captured on this node", reason, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task ALinkThatIsMadeWithinANamespaceIsNotTakenForThePods()
    {
        // Both ends are here, one with the number that the host's end of another pod's link has on the node, and with that pod's address.
        Ip($"-n {NameOf("lone")} link add mine index {LoneIndex} type veth peer name eth0");
        Ip($"-n {NameOf("lone")} address add 10.77.0.1/24 dev eth0");
        NamespaceAttestor attestor = new(() => [Endpoint("web", "to-web") with { Index = LoneIndex }]);
        Assert.Null(Attest(attestor, await ConnectFromAsync("lone"), out string reason));
        Assert.Contains("of no pod", reason, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task AProcessThatHasEndedIsNobodyWhoeverHasItsNumberNow()
    {
        NamespaceAttestor attestor = new(() => [Endpoint("web", "to-web")]);
        using Socket connection = await ConnectFromAsync("web");
        _processes[^1].Kill();
        await _processes[^1].WaitForExitAsync(Cancel);
        Assert.Null(Attest(attestor, connection, out string reason));
        Assert.NotEmpty(reason);
    }

    private static string NameOf(string place) => string.Create(CultureInfo.InvariantCulture, $"cv-wa{Environment.ProcessId}-{place}");

    private static void Ip(string arguments)
    {
        using Process process = Process.Start("ip", arguments.Split(' '));
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    private AttestedCaller? Attest(NamespaceAttestor attestor, Socket connection, out string reason)
    {
        string said = "";
        AttestedCaller? caller = _namespaces["node"].Run(() => attestor.Attest(connection, out said));
        reason = said;
        return caller;
    }

    private LocalEndpoint Endpoint(string name, string link)
    {
        int index;
        using (RouteNetlink netlink = RouteNetlink.Open(_namespaces["node"])) index = netlink.GetLink(link).Index;
        WorkloadInfo workload = ServedWorkloads.Workload(name, SpiffeId.ForServiceAccount("cluster.local", "shop", name)) with { PodUid = $"uid-{name}" };
        return new LocalEndpoint(workload, link, index, 1500, [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]);
    }

    private async Task<Socket> ConnectFromAsync(string place)
    {
        _processes.Add(Process.Start(new ProcessStartInfo("nsenter", [$"--net=/run/netns/{NameOf(place)}", "curl", "-s", "--max-time", "60", "--unix-socket", _path, "http://localhost/"]))!);
        return await _listener.AcceptAsync(Cancel);
    }
}

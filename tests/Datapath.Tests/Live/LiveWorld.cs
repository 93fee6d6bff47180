using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Runtime.InteropServices;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;
using Culvert.Labs;

namespace Culvert.Datapath.Tests.Live;

/// <summary>
/// The programs attached to real veths: pods A and B on one node, and a machine X on another, which runs none of the programs. A test fills
/// the maps itself and plays the proxy.
/// </summary>
public sealed class LiveWorld : IWorld, IAsyncLifetime
{
    internal const uint Generation = 7;
    internal const int CaptureTable = 133;

    private readonly List<IDisposable> _disposables = [];
    private readonly List<(BpfProgram Program, uint Index, TcDirection Direction)> _places = [];
    private readonly List<AttachedLink> _links = [];
    private readonly List<BpfProgram> _xdpPrograms = [];
    private readonly ConcurrentQueue<CvEvent> _events = new();
    private Lab? _lab;

    /// <inheritdoc/>
    public WorldMaps Maps { get; private set; } = null!;

    internal LabNode Node { get; private set; } = null!;

    internal LabPod PodA { get; private set; } = null!;

    internal LabPod PodB { get; private set; } = null!;

    /// <summary>A pod of the other node: outside of the mesh, or a workload elsewhere, as a test says.</summary>
    internal LabPod PodX { get; private set; } = null!;

    internal Workload A { get; private set; } = null!;

    internal Workload B { get; private set; } = null!;

    internal RingBufferReader Ring { get; private set; } = null!;

    internal uint UplinkIndex { get; private set; }

    /// <summary>Whether the kernel has TCX; clsact is used otherwise.</summary>
    internal bool UseTcx { get; init; } = KernelFeatures.ProbeTcx().Present;

    /// <summary>Size of the packets on all links.</summary>
    internal int Mtu { get; init; } = 1500;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        Requires.Root();
        _lab = await Lab.CreateAsync(new LabOptions { Mtu = Mtu });
        Node = await _lab.AddNodeAsync("n1");
        LabNode other = await _lab.AddNodeAsync("n2");
        PodA = await _lab.AddPodAsync(Node, "a");
        PodB = await _lab.AddPodAsync(Node, "b");
        PodX = await _lab.AddPodAsync(other, "x");
        await Node.ScriptAsync($"""
            ip rule add fwmark 0x{CvAbi.MarkCapture:x}/0x{CvAbi.MarkMask:x} lookup {CaptureTable}
            ip -6 rule add fwmark 0x{CvAbi.MarkCapture:x}/0x{CvAbi.MarkMask:x} lookup {CaptureTable}
            ip route add local default dev lo table {CaptureTable}
            ip -6 route add local default dev lo table {CaptureTable}
            """);
        A = await WorkloadOf(PodA, 1);
        B = await WorkloadOf(PodB, 2);
        BpfObject programs = BpfObject.OpenFile(Path.Combine(AppContext.BaseDirectory, "bpf", "tc.bpf.o"));
        _disposables.Add(programs);
        programs.Load();
        Maps = new WorldMaps(programs);
        Ring = new RingBufferReader(Maps.Events, record => _events.Enqueue(MemoryMarshal.Read<CvEvent>(record)));
        foreach (Workload pod in (Workload[])[A, B])
        {
            Place(programs.GetProgram("cv_from_pod"), pod.Index, TcDirection.Ingress);
            Place(programs.GetProgram("cv_to_pod"), pod.Index, TcDirection.Egress);
        }
        UplinkIndex = await IndexOf(LabNode.Uplink);
        Place(programs.GetProgram("cv_from_net"), UplinkIndex, TcDirection.Ingress);
        BpfObject xdp = BpfObject.OpenFile(Path.Combine(AppContext.BaseDirectory, "bpf", "xdp.bpf.o"));
        _disposables.Add(xdp);
        foreach (string map in xdp.MapNames.Where(n => n.StartsWith("cv_", StringComparison.Ordinal) && n != "cv_scratch"))
        {
            using BpfMap shared = programs.GetMap(map);
            xdp.ReuseMap(map, shared);
        }
        xdp.Load();
        foreach (string name in (string[])["cv_xdp", "cv_xdp_generic"])
        {
            BpfProgram program = xdp.GetProgram(name);
            _disposables.Add(program);
            _xdpPrograms.Add(program);
        }
        BpfProgram lookup = programs.GetProgram("cv_sk_lookup");
        _disposables.Add(lookup);
        _disposables.Add(In(Node, () => BpfLink.AttachSocketLookup(lookup)));
        Attach();
        Reset();
    }

    /// <summary>Puts the maps into their first state: A and B may speak to each other, port 80 of the virtual address leads to B.</summary>
    internal void Reset()
    {
        Maps.Clear();
        Fill(Generation);
        Maps.Activate(Generation);
        Events();
    }

    internal void Fill(uint generation)
    {
        foreach (Workload pod in (Workload[])[A, B])
        {
            this.SetPod(generation, pod);
            this.SetPolicy(generation, pod, CvAbi.ClassAny, 0, CvReason.None);
        }
        foreach (bool v6 in (bool[])[false, true])
        {
            this.SetAddress(generation, v6 ? Node.Address6 : Node.Address4, new CvAddress { Flags = (uint)CvAddressFlag.Node });
            this.SetAddress(generation, World.Vip(v6), new CvAddress { Flags = (uint)CvAddressFlag.Service });
            this.SetService(generation, v6, WorldContent.ToB, 1, 0, B.Address(v6));
        }
    }

    /// <summary>Makes X a workload on another node.</summary>
    internal void EnrolX(bool v6) => this.SetAddress(Generation, X(v6), new CvAddress { Flags = (uint)CvAddressFlag.Meshed, AuthClass = 30 });

    /// <summary>Makes X a workload on another node, and the only backend of two Services, at these ports of the virtual address, in both families.</summary>
    internal void PutXBehind(int port, int otherPort)
    {
        foreach (bool v6 in (bool[])[false, true])
        {
            EnrolX(v6);
            this.SetService(Generation, v6, port, 9, default, X(v6));
            this.SetService(Generation, v6, otherPort, 10, default, X(v6));
        }
    }

    internal IPAddress X(bool v6) => v6 ? PodX.Address6 : PodX.Address4;

    internal static IPEndPoint Vip(bool v6) => new(World.Vip(v6), WorldContent.ToB);

    /// <summary>The events so far; each is returned once.</summary>
    internal List<CvEvent> Events()
    {
        Ring.Consume();
        List<CvEvent> events = [];
        while (_events.TryDequeue(out CvEvent e)) events.Add(e);
        return events;
    }

    /// <summary>Waits for an event.</summary>
    internal CvEvent Await(Func<CvEvent, bool> wanted)
    {
        for (DateTime end = DateTime.UtcNow.AddSeconds(10); DateTime.UtcNow < end; Ring.Poll(TimeSpan.FromMilliseconds(20)))
        {
            // Flows that begin and end do not wake the reader.
            Ring.Consume();
            while (_events.TryDequeue(out CvEvent e))
            {
                if (wanted(e)) return e;
            }
        }
        throw new TimeoutException("The event did not come within 10 s.");
    }

    /// <summary>Runs a function with the calling thread in a namespace.</summary>
    internal static T In<T>(LabNamespace place, Func<T> function)
    {
        using NetworkNamespace network = NetworkNamespace.OpenPath(place.NamespacePath);
        return network.Run(function);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_places.Count > 0) Detach();
        Ring?.Dispose();
        Maps?.Dispose();
        foreach (IDisposable disposable in _disposables) disposable.Dispose();
        if (_lab is not null) await _lab.DisposeAsync();
    }

    /// <summary>Puts the programs where they belong.</summary>
    internal void Attach() => In(Node, () =>
    {
        foreach ((BpfProgram program, uint index, TcDirection direction) in _places)
        {
            if (UseTcx) _links.Add(new AttachedLink(BpfLink.AttachTcx(program, (int)index, direction)));
            else TcFilter.Attach(program, (int)index, direction);
        }
        return 0;
    });

    /// <summary>Puts the XDP program of a mode at the uplink until the link is disposed.</summary>
    internal AttachedLink AttachXdp(XdpMode mode) => new(In(Node, () => BpfLink.AttachXdp(_xdpPrograms[mode == XdpMode.Native ? 0 : 1], (int)UplinkIndex, mode)));

    /// <summary>Takes the programs away again.</summary>
    internal void Detach() => In(Node, () =>
    {
        foreach (AttachedLink link in _links) link.Dispose();
        _links.Clear();
        if (UseTcx) return 0;
        foreach ((BpfProgram _, uint index, TcDirection direction) in _places) TcFilter.Detach((int)index, direction);
        return 0;
    });

    private void Place(BpfProgram program, uint index, TcDirection direction)
    {
        _disposables.Add(program);
        _places.Add((program, index, direction));
    }

    private async Task<uint> IndexOf(string name) =>
        uint.Parse(await Node.ScriptAsync($"ip -o link show {name} | cut -d: -f1"), CultureInfo.InvariantCulture);

    private async Task<Workload> WorkloadOf(LabPod pod, int number) => new(number, pod.HostInterface)
    {
        Address4 = pod.Address4,
        Address6 = pod.Address6,
        Mtu = (uint)Mtu,
        Index = await IndexOf(pod.HostInterface),
        Mac = Parse(pod.Mac),
        HostMac = Parse(pod.HostMac),
    };

    private static byte[] Parse(string mac) => PhysicalAddress.Parse(mac).GetAddressBytes();
}

using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;
using Culvert.Labs;

namespace Culvert.Datapath.Tests.Live;

/// <summary>
/// Pods A and B of one node that are captured inside their network namespaces: programs at their own ends of real veths, rules that deliver what is looped, and none of either on the node. X, on another
/// node, has no programs. A test fills the maps itself and plays the proxy.
/// </summary>
public sealed class InsideLiveWorld : IWorld, IAsyncLifetime
{
    internal const uint Generation = 7;

    private readonly List<IDisposable> _disposables = [];
    private readonly ConcurrentQueue<CvEvent> _events = new();
    private BpfProgram? _sends, _receives;
    private RingBufferReader? _ring;
    private Lab? _lab;

    /// <inheritdoc/>
    public WorldMaps Maps { get; private set; } = null!;

    internal LabPod PodA { get; private set; } = null!;

    internal LabPod PodB { get; private set; } = null!;

    /// <summary>A pod of the other node: outside of the mesh, or a workload elsewhere, as a test says.</summary>
    internal LabPod PodX { get; private set; } = null!;

    internal Workload A { get; private set; } = null!;

    internal Workload B { get; private set; } = null!;

    /// <summary>Whether the kernel has TCX; clsact is used otherwise.</summary>
    internal bool UseTcx { get; init; } = KernelFeatures.ProbeTcx().Present;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        Requires.Root();
        _lab = await Lab.CreateAsync();
        LabNode node = await _lab.AddNodeAsync("n1"), other = await _lab.AddNodeAsync("n2");
        PodA = await _lab.AddPodAsync(node, "a");
        PodB = await _lab.AddPodAsync(node, "b");
        PodX = await _lab.AddPodAsync(other, "x");
        A = new Workload(1, "eth0") { Address4 = PodA.Address4, Address6 = PodA.Address6 }.Inside(1);
        B = new Workload(2, "eth0") { Address4 = PodB.Address4, Address6 = PodB.Address6 }.Inside(2);
        BpfObject programs = Open("tc.bpf.o");
        programs.Load();
        Maps = new WorldMaps(programs);
        _ring = new RingBufferReader(Maps.Events, record => _events.Enqueue(MemoryMarshal.Read<CvEvent>(record)));
        (_sends, _receives) = (programs.GetProgram("cv_inside_out"), programs.GetProgram("cv_inside_in"));
        foreach ((LabPod pod, Workload workload) in new[] { (PodA, A), (PodB, B) }) await CaptureAsync(programs, pod, workload);
        Connect();
        Reset();
    }

    /// <summary>Puts the maps into their first state: nothing is known of X.</summary>
    internal void Reset()
    {
        Maps.Clear();
        Fill(Generation);
        Maps.Activate(Generation);
        _ring!.Consume();
        _events.Clear();
    }

    internal void Fill(uint generation)
    {
        foreach (Workload pod in (Workload[])[A, B])
        {
            this.SetPod(generation, pod);
            this.SetPolicy(generation, pod, CvAbi.ClassAny, 0, CvReason.None);
        }
        foreach (bool v6 in (bool[])[false, true]) this.SetAddress(generation, World.Vip(v6), new CvAddress { Flags = (uint)CvAddressFlag.Service });
    }

    /// <summary>Makes X a workload on another node.</summary>
    internal void EnrolX(bool v6) => this.SetAddress(Generation, X(v6, 0).Address, new CvAddress { Flags = (uint)CvAddressFlag.Meshed, AuthClass = 30 });

    internal IPEndPoint X(bool v6, int port) => new(v6 ? PodX.Address6 : PodX.Address4, port);

    /// <summary>Waits for a packet to be dropped for a reason.</summary>
    internal void AwaitDrop(CvReason reason)
    {
        for (DateTime end = DateTime.UtcNow.AddSeconds(10); DateTime.UtcNow < end; _ring!.Poll(TimeSpan.FromMilliseconds(20)))
        {
            _ring!.Consume();
            while (_events.TryDequeue(out CvEvent e))
            {
                if (e.Reason == (byte)reason) return;
            }
        }
        throw new TimeoutException($"Nothing was dropped for {reason} within 10 s.");
    }

    /// <summary>Offers a listener of the proxy in a pod's network namespace to the programs.</summary>
    internal (Socket Listener, IDisposable Offered) Offer(LabPod pod, bool v6, CvListenerKind kind4)
    {
        bool isDatagrams = kind4 == CvListenerKind.Plain4;
        Socket socket = Peer.AsProxy(this, Peer.Open(pod, v6, isDatagrams ? SocketType.Dgram : SocketType.Stream), v6);
        if (isDatagrams) socket.SetSocketOption(v6 ? SocketOptionLevel.IPv6 : SocketOptionLevel.IP, SocketOptionName.PacketInformation, true);
        socket.Bind(new IPEndPoint(v6 ? IPAddress.IPv6Loopback : IPAddress.Loopback, 0));
        if (!isDatagrams) socket.Listen(128);
        SocketGroup offered = new(Maps.InsideListeners);
        offered.Add(new CvInsideListenerKey { Space = pod == PodA ? A.Space : B.Space, Kind = (byte)((int)kind4 + (v6 ? 1 : 0)) }, socket);
        Maps.Offer(Generation);
        return (socket, offered);
    }

    /// <summary>Takes what the pods' programs call away.</summary>
    internal void Disconnect()
    {
        for (uint i = 0; i < (uint)CvInsideProgram.Programs; i++) Maps.InsidePrograms.Delete(MemoryMarshal.AsBytes(new ReadOnlySpan<uint>(in i)));
    }

    /// <summary>Puts it back.</summary>
    internal void Connect()
    {
        Maps.InsidePrograms.SetDescriptor((uint)CvInsideProgram.Out, _sends!.Handle);
        Maps.InsidePrograms.SetDescriptor((uint)CvInsideProgram.In, _receives!.Handle);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _ring?.Dispose();
        Maps?.Dispose();
        _sends?.Dispose();
        _receives?.Dispose();
        foreach (IDisposable disposable in Enumerable.Reverse(_disposables)) disposable.Dispose();
        if (_lab is not null) await _lab.DisposeAsync();
    }

    // Rules and routes are those of PodRoutes.
    private async Task CaptureAsync(BpfObject programs, LabPod pod, Workload workload)
    {
        await pod.ScriptAsync($"""
            for family in -4 -6; do
              ip $family rule add fwmark 0x{CvAbi.MarkCapture:x}/0x{CvAbi.MarkMask:x} lookup {LiveWorld.CaptureTable}
              ip $family route add local default dev lo table {LiveWorld.CaptureTable}
            done
            echo 1 >/proc/sys/net/ipv4/conf/lo/accept_local
            """);
        int link = int.Parse(await pod.ScriptAsync("ip -o link show eth0 | cut -d: -f1"), CultureInfo.InvariantCulture);
        BpfObject own = Open("pod.bpf.o");
        foreach (string map in own.MapNames.Where(n => n.StartsWith("cv_", StringComparison.Ordinal)))
        {
            using BpfMap shared = programs.GetMap(map);
            own.ReuseMap(map, shared);
        }
        own.SetConfig("cv_cfg_space", workload.Space);
        own.Load();
        BpfProgram sends = Kept(own.GetProgram("cv_pod_out")), receives = Kept(own.GetProgram("cv_pod_in")), lookup = Kept(own.GetProgram("cv_pod_lookup"));
        LiveWorld.In(pod, () =>
        {
            Kept(new AttachedLink(BpfLink.AttachSocketLookup(lookup)));
            foreach ((BpfProgram program, TcDirection direction) in new[] { (sends, TcDirection.Egress), (receives, TcDirection.Ingress) })
            {
                if (UseTcx) Kept(new AttachedLink(BpfLink.AttachTcx(program, link, direction)));
                else TcFilter.Attach(program, link, direction); // goes with the link
            }
            return 0;
        });
    }

    private BpfObject Open(string file) => Kept(BpfObject.OpenFile(Path.Combine(AppContext.BaseDirectory, "bpf", file)));

    private T Kept<T>(T disposable)
        where T : IDisposable
    {
        _disposables.Add(disposable);
        return disposable;
    }
}

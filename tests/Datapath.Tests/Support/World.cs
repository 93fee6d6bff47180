using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;

namespace Culvert.Datapath.Tests.Support;

/// <summary>
/// The programs, loaded, with a small world in their maps: pods A, B and C (which needs the proxy) on this node, a workload elsewhere,
/// Services in front of them. Programs are run on made-up packets. One for each test class; <see cref="Reset"/> before each test.
/// </summary>
public sealed class World : IWorld, IDisposable
{
    internal const uint Generation = 7;
    internal static readonly byte[] PodMac = [0x02, 0, 0, 0, 0, 1];
    internal static readonly byte[] HostMac = [0x02, 0, 0, 0, 0, 2];

    private static int s_count;
    private readonly string _name = $"cv-dp{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}";
    private readonly NetworkNamespace _network;
    private readonly BpfObject _object;
    private readonly BpfObject _xdpObject;
    private readonly BpfProgram[] _programs;
    private readonly BpfProgram _xdp, _xdpGeneric;
    private readonly List<CvEvent> _events = [];
    private readonly RingBufferReader _ring;

    /// <summary>Loads the programs as they are by default.</summary>
    public World()
        : this(_ => { })
    {
    }

    /// <summary>Loads the programs with CRC32C TLVs in headers.</summary>
    internal static World WithCrc() => new(o => o.SetConfig("cv_cfg_udp_crc", (byte)1), crc: true);

    internal World(Action<BpfObject> configure, bool crc = false)
    {
        Requires.Root();
        _network = NetworkNamespace.Create(_name);
        Shell.Run("sh", "-c", string.Join(" && ", Pods.Select(p => $"ip -n {_name} link add {p.Interface} type veth peer name p{p.Interface}")));
        foreach (Workload pod in Pods) pod.Index = uint.Parse(Shell.Run("sh", "-c", $"ip -n {_name} -o link show {pod.Interface} | cut -d: -f1"));
        _object = BpfObject.OpenFile(Path.Combine(AppContext.BaseDirectory, "bpf", "tc.bpf.o"));
        configure(_object);
        _object.Load();
        _programs = [_object.GetProgram("cv_from_pod"), _object.GetProgram("cv_to_pod"), _object.GetProgram("cv_from_net"), _object.GetProgram("cv_inside_out"), _object.GetProgram("cv_inside_in")];
        Maps = new WorldMaps(_object);
        _xdpObject = BpfObject.OpenFile(Path.Combine(AppContext.BaseDirectory, "bpf", "xdp.bpf.o"));
        foreach (string map in _xdpObject.MapNames.Where(n => n.StartsWith("cv_", StringComparison.Ordinal) && n != "cv_scratch"))
        {
            using BpfMap shared = _object.GetMap(map);
            _xdpObject.ReuseMap(map, shared);
        }
        if (_xdpObject.HasConfig("cv_cfg_udp_crc")) _xdpObject.SetConfig("cv_cfg_udp_crc", crc ? (byte)1 : (byte)0);
        _xdpObject.Load();
        (_xdp, _xdpGeneric) = (_xdpObject.GetProgram("cv_xdp"), _xdpObject.GetProgram("cv_xdp_generic"));
        _ring = new RingBufferReader(Maps.Events, record => _events.Add(MemoryMarshal.Read<CvEvent>(record)));
    }

    internal Workload A { get; } = new(1, "va");

    internal Workload B { get; } = new(2, "vb");

    /// <summary>Its traffic needs the proxy.</summary>
    internal Workload C { get; } = new(3, "vc");

    internal Workload[] Pods => [A, B, C];

    /// <inheritdoc/>
    public WorldMaps Maps { get; }

    internal static IPAddress Node(bool v6) => IPAddress.Parse(v6 ? "fd00::1" : "10.0.0.1");

    /// <summary>A workload on another node.</summary>
    internal static IPAddress Remote(bool v6) => IPAddress.Parse(v6 ? "fd00:2::1" : "10.2.0.1");

    /// <summary>Not in the mesh.</summary>
    internal static IPAddress External(bool v6) => IPAddress.Parse(v6 ? "2001:db8::9" : "192.0.2.9");

    /// <summary>Not in the mesh, but policy knows it: class 31.</summary>
    internal static IPAddress Known(bool v6) => IPAddress.Parse(v6 ? "2001:db8:7::1" : "198.51.100.7");

    /// <summary>An address left alone by configuration.</summary>
    internal static IPAddress Excluded(bool v6) => IPAddress.Parse(v6 ? "fd00:3::1" : "10.3.0.1");

    internal static IPAddress Vip(bool v6) => IPAddress.Parse(v6 ? "fd00:96::1" : "10.96.0.1");

    /// <summary>Puts the maps into their first state.</summary>
    internal void Reset()
    {
        Maps.Clear();
        WorldContent.Fill(this, Generation);
        Maps.Activate(Generation);
        _ring.Consume();
        _events.Clear();
    }

    internal Outcome Run(Hook hook, Packet packet, uint interfaceIndex, uint ingress = 0, uint mark = 0, uint segment = 0) =>
        Run(hook, packet.Build(), interfaceIndex, ingress, mark, segment);

    internal Outcome Run(Hook hook, byte[] packet, uint interfaceIndex, uint ingress = 0, uint mark = 0, uint segment = 0)
    {
        SkBuffContext context = Context(interfaceIndex, ingress);
        context.Mark = mark;
        context.SegmentSize = segment;
        byte[] output = new byte[packet.Length + 256];
        ulong[] before = Maps.Drops();
        BpfTestRunResult result;
        using (_network.Enter()) result = _programs[(int)hook].TestRun(packet, ref context, output);
        ulong[] after = Maps.Drops();
        List<CvReason> drops = [.. Enumerable.Range(0, after.Length).SelectMany(i => Enumerable.Repeat((CvReason)i, (int)(after[i] - before[i])))];
        _events.Clear();
        _ring.Consume();
        return new Outcome((int)result.ReturnValue, output[..result.OutputLength], context.Mark, [.. _events], drops);
    }

    /// <summary>Runs the XDP program on a packet that came in by an interface.</summary>
    internal Outcome Xdp(byte[] packet, uint interfaceIndex, bool native = true)
    {
        XdpContext context = new() { DataEnd = (uint)packet.Length, IngressInterface = interfaceIndex };
        byte[] output = new byte[packet.Length + 512];
        ulong[] before = Maps.Drops();
        BpfTestRunResult result;
        using (_network.Enter()) result = (native ? _xdp : _xdpGeneric).TestRun(packet, ref context, output);
        ulong[] after = Maps.Drops();
        List<CvReason> drops = [.. Enumerable.Range(0, after.Length).SelectMany(i => Enumerable.Repeat((CvReason)i, (int)(after[i] - before[i])))];
        _events.Clear();
        _ring.Consume();
        int meta = (int)(context.Data - context.DataMeta);
        return new Outcome((int)result.ReturnValue, output[meta..result.OutputLength], 0, [.. _events], drops) { Handover = output[..meta] };
    }

    /// <summary>What leaves a pod, where it is captured.</summary>
    internal Outcome FromPod(Workload pod, Packet packet, uint segment = 0, uint mark = 0) => pod.Space == 0
        ? Run(Hook.FromPod, packet, pod.Index, ingress: pod.Index, mark, segment)
        : Run(Hook.InsideOut, packet, pod.Index, mark: mark, segment: segment);

    /// <summary>Sends packets out of pod A without reading the events meanwhile. Returns how many there were.</summary>
    internal int Repeat(Func<int, Packet> packet, int count) => Flood(Hook.FromPod, A, A.Index, count, packet);

    /// <summary>Runs a program on a packet and looks at nothing.</summary>
    internal void Send(Hook hook, byte[] packet, uint interfaceIndex, uint ingress)
    {
        SkBuffContext context = Context(interfaceIndex, ingress);
        using (_network.Enter()) _programs[(int)hook].TestRun(packet, ref context);
    }

    /// <summary>Runs a program on many packets without looking at each. Returns how many events there were.</summary>
    internal int Flood(Hook hook, Workload pod, uint ingress, int count, Func<int, Packet> packet)
    {
        _ring.Consume();
        _events.Clear();
        using (_network.Enter())
        {
            for (int i = 0; i < count; i++)
            {
                SkBuffContext context = Context(pod.Index, ingress);
                _programs[(int)hook].TestRun(packet(i).Build(), ref context);
            }
        }
        _ring.Consume();
        return _events.Count;
    }

    /// <summary>Nanoseconds for one run of a program, the best of several.</summary>
    internal uint Cost(Hook hook, Packet packet, Workload pod)
    {
        byte[] bytes = packet.Build();
        SkBuffContext context = Context(pod.Index, pod.Index);
        using (_network.Enter())
        {
            uint best = uint.MaxValue;
            for (int i = 0; i < 10; i++) best = Math.Min(best, _programs[(int)hook].TestRun(bytes, ref context, repeat: 100_000).Nanoseconds);
            return best;
        }
    }

    /// <summary>Puts datagram sockets into a slot of all four kinds.</summary>
    internal IDisposable OfferDatagrams(uint slot = 0)
    {
        SocketGroup sockets = new(Maps.Listeners);
        foreach ((bool v6, CvListenerKind[] kinds) in new (bool, CvListenerKind[])[] { (false, [CvListenerKind.Udp4, CvListenerKind.Plain4]), (true, [CvListenerKind.Udp6, CvListenerKind.Plain6]) })
        {
            foreach (CvListenerKind kind in kinds)
            {
                sockets.Add(((uint)kind * CvAbi.MaxListeners) + slot, Datagrams(v6));
            }
        }
        Maps.Offer(Generation, slot + 1);
        return sockets;
    }

    /// <summary>Puts the proxy's sockets of a pod's own network namespace into a slot of each kind that it has there.</summary>
    internal IDisposable OfferInside(ushort space, byte slot = 0)
    {
        SocketGroup sockets = new(Maps.InsideListeners);
        foreach (bool v6 in (bool[])[false, true])
        {
            foreach (CvListenerKind kind in (CvListenerKind[])[CvListenerKind.Out4, CvListenerKind.Tunnel4, CvListenerKind.Plain4])
                sockets.Add(new CvInsideListenerKey { Space = space, Kind = (byte)((int)kind + (v6 ? 1 : 0)), Slot = slot }, kind == CvListenerKind.Plain4 ? Datagrams(v6) : Listen(v6));
        }
        Maps.Offer(Generation, slot + 1u);
        return sockets;
    }

    /// <summary>A listening socket in the world's namespace.</summary>
    internal Socket Listen(bool v6)
    {
        using (_network.Enter())
        {
            Socket socket = new(v6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(v6 ? IPAddress.IPv6Any : IPAddress.Any, 0));
            socket.Listen(1);
            return socket;
        }
    }

    /// <summary>Names of all programs and of all maps of ours.</summary>
    internal IReadOnlyList<string> Names => [.. _object.ProgramNames, .. _object.MapNames.Where(n => n.StartsWith("cv_", StringComparison.Ordinal))];

    /// <summary>What comes to a pod, where it is captured. Inside its own network namespace all comes by its link.</summary>
    internal Outcome ToPod(Workload pod, Packet packet, uint ingress = 0, uint mark = 0) => pod.Space == 0
        ? Run(Hook.ToPod, packet, pod.Index, ingress, mark)
        : Run(Hook.InsideIn, packet, pod.Index, mark: mark);

    // Where a space stands in the place of a link, programs are told of it as those of pod.bpf.c do, and run at some link that is there.
    private SkBuffContext Context(uint interfaceIndex, uint ingress)
    {
        ushort space = Workload.SpaceOf(interfaceIndex);
        SkBuffContext context = new() { Interface = space == 0 ? interfaceIndex : A.Index, IngressInterface = ingress };
        context.ControlBuffer[0] = space;
        return context;
    }

    private Socket Datagrams(bool v6)
    {
        using (_network.Enter())
        {
            Socket socket = new(v6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(v6 ? IPAddress.IPv6Any : IPAddress.Any, 0));
            return socket;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ring.Dispose();
        Maps.Dispose();
        foreach (BpfProgram program in _programs) program.Dispose();
        _xdp.Dispose();
        _xdpGeneric.Dispose();
        _xdpObject.Dispose();
        _object.Dispose();
        _network.Dispose();
        NetworkNamespace.Delete(_name);
    }
}

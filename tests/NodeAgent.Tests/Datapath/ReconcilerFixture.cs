using System.Net;
using System.Net.Sockets;
using Culvert.Core;
using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Options;
using Culvert.NodeAgent.Reasons;
using Culvert.NodeAgent.Telemetry;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.Datapath;

/// <summary>The datapath's part of one agent in a namespace of its own, where up0 is the host side of a veth whose other end, far0, plays the pod.</summary>
internal sealed class ReconcilerFixture : IDisposable
{
    private readonly bool _tcx;
    private RouteNetlink _netlink = null!;
    private XdpAttacher _xdp;

    internal ReconcilerFixture(bool tcx = true)
    {
        _tcx = tcx;
        World.Ip("link set far0 addrgenmode none up");
        World.In(() => _netlink = RouteNetlink.Open());
        Look = LookAtKernel;
        Start();
    }

    internal AttachFixture World { get; } = new();

    internal DatapathState State { get; private set; } = null!;

    internal ProgramAttacher Attacher { get; private set; } = null!;

    internal GenerationWriter Writer { get; private set; } = null!;

    internal DatapathReconciler Reconciler { get; private set; } = null!;

    /// <summary>How the reconciler looks at the links.</summary>
    internal Func<ILinks> Look { get; set; }

    /// <summary>The usual way.</summary>
    internal ILinks LookAtKernel() => new KernelLinks(_netlink);

    /// <summary>What is attached, "interface program" each.</summary>
    internal string[] Attached => [.. Attacher.List().Select(a => $"{a.Interface} {a.Program}")];

    /// <summary>The filters of an interface, in the order in which they run.</summary>
    internal IReadOnlyList<TrafficFilter> Filters(int index, TcDirection direction) => _netlink.GetFilters(index, direction);

    private string RunFolder => Directory.CreateDirectory(World.Folder + "-run").FullName;

    internal static WorkloadInfo Pod(string name, string address, string @interface = "up0", string[]? policies = null) =>
        TestMesh.Workload(name, "n1", address, policies: policies ?? []) with { HostInterface = @interface };

    internal static NodeSnapshot Snapshot(params WorkloadInfo[] workloads) => TestMesh.Snapshot(workloads);

    internal void Apply(NodeSnapshot snapshot, Action<bool>? switched = null) => World.In(() => Reconciler.Apply(Reconciler.Prepare(snapshot), switched));

    /// <summary>Ends the agent, as a crash does, and starts the next one.</summary>
    internal void Restart()
    {
        Attacher.Dispose();
        _xdp.Dispose();
        Start();
    }

    /// <summary>How often the programs have dropped for a reason.</summary>
    internal ulong Drops(CvReason reason) => KernelMetrics.Drops(World.Programs.Maps).FirstOrDefault(d => d.Reason == ReasonText.Of(reason)).Count;

    /// <summary>Has the pod behind an interface send a TCP packet.</summary>
    internal void SendFrom(string podEnd, string source, string destination)
    {
        byte[] frame = new byte[ProbeFrame.MaxLength];
        CvFlowKey key = new() { Src = AbiAddress.From(IPAddress.Parse(source)), Dst = AbiAddress.From(IPAddress.Parse(destination)), Sport = 0x1234, Dport = 0x5000, Proto = 6 };
        int length = ProbeFrame.Write(frame, key, default, 1);
        World.In(() =>
        {
            using Socket socket = new(AddressFamily.Packet, SocketType.Raw, ProtocolType.Unspecified);
            socket.SendTo(frame.AsSpan(0, length), SocketFlags.None, ProbeFrame.LinkAddress((uint)Look().FindByName(podEnd)!.Index));
        });
    }

    public void Dispose()
    {
        World.In(() => Attacher.KeepOnly(new HashSet<(string, TcDirection)>()));
        Attacher.Dispose();
        _xdp.Dispose();
        _netlink.Dispose();
        Directory.Delete(RunFolder, recursive: true);
        World.Dispose();
    }

    [System.Diagnostics.CodeAnalysis.MemberNotNull(nameof(_xdp))]
    private void Start()
    {
        State = new DatapathState();
        Attacher = new ProgramAttacher(World.Pins, _tcx, NullLogger.Instance);
        _xdp = World.NewAttacher();
        Writer = new GenerationWriter(World.Programs.Maps, NullLogger.Instance);
        Reconciler = new DatapathReconciler(
            new InterfacePrograms(World.Programs, Attacher, _xdp), XdpUse.Off, Writer, () => Look(), new PolicyIdFile(RunFolder, NullLogger.Instance), new InterfaceOwners(RunFolder, NullLogger.Instance), [], State,
            NullLogger.Instance);
    }
}

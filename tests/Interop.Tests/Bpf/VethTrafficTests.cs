using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;
using Culvert.Interop.Tests.Support;

namespace Culvert.Interop.Tests.Bpf;

/// <summary>Attached programs see real packets of a veth pair between two namespaces.</summary>
public sealed class VethTrafficTests(KernelFixture kernel) : IClassFixture<KernelFixture>
{
    private static readonly IPAddress Near = IPAddress.Parse("10.91.0.1");
    private static readonly IPAddress Far = IPAddress.Parse("10.91.0.2");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AProgramThatDropsStopsDatagramsAndAReplacementLetsThemThroughAgain(bool tcx)
    {
        KernelFixture.Need();
        if (tcx && !KernelFeatures.ProbeTcx().Present) Requires.Missing("needs TCX (kernel 6.6)");
        using NamespacePair pair = new();
        int link = Connect(pair);
        using BpfObject bpf = kernel.Open();
        bpf.Load();
        using BpfProgram pass = bpf.GetProgram("cv_t_tc");
        using BpfProgram drop = bpf.GetProgram("cv_t_tc2");
        using Socket receiver = pair.Left.Run(() => Bound(Near));
        using Socket sender = pair.Right.Run(() => Bound(Far));

        using BpfLink? attached = pair.Left.Run(() => Attach(drop));
        Send(sender, receiver, 1);
        Replace(pass);
        Send(sender, receiver, 2);

        byte[] datagram = new byte[16];
        receiver.ReceiveTimeout = 20_000;
        Assert.Equal(1, receiver.Receive(datagram));
        Assert.Equal(2, datagram[0]);
        Assert.Equal(0, receiver.Available);

        BpfLink? Attach(BpfProgram program)
        {
            if (tcx) return BpfLink.AttachTcx(program, link, TcDirection.Ingress);
            TcFilter.Attach(program, link, TcDirection.Ingress);
            return null;
        }

        void Replace(BpfProgram program)
        {
            if (attached is not null) attached.Update(program);
            else pair.Left.Run(() => TcFilter.Attach(program, link, TcDirection.Ingress));
        }
    }

    [Fact]
    public void ALinkEndsWithItsInterface()
    {
        KernelFixture.Need();
        if (!KernelFeatures.ProbeTcx().Present) Requires.Missing("needs TCX (kernel 6.6)");
        using NamespacePair pair = new();
        int index = Connect(pair);
        using BpfObject bpf = kernel.Open();
        bpf.Load();
        using BpfProgram program = bpf.GetProgram("cv_t_tc");
        using BpfLink link = pair.Left.Run(() => BpfLink.AttachTcx(program, index, TcDirection.Egress));
        using RouteNetlink left = RouteNetlink.Open(pair.Left);
        Assert.True(left.DeleteLink(index));
        Assert.Equal(0, link.Info.InterfaceIndex);
    }

    [Fact]
    public void APacketIsReceivedInTheNameOfAnInterface()
    {
        KernelFixture.Need();
        if (!KernelFeatures.ProbeLiveFrames().Present) Requires.Missing("needs live frames (kernel 5.18)");
        using NamespacePair pair = new();
        int link = Connect(pair);
        using BpfObject bpf = kernel.Open();
        bpf.Load();
        using BpfProgram pass = bpf.GetProgram("cv_t_xdp");
        using RouteNetlink left = RouteNetlink.Open(pair.Left);
        using Socket receiver = pair.Left.Run(() => Bound(Near));
        byte[] frame =
        [
            .. left.GetLink("near0").MacAddress!.GetAddressBytes(), 2, 0, 0, 0, 0, 1, 8, 0,
            0x45, 0, 0, 29, 0, 0, 0, 0, 64, 17, 0x66, 0x18, .. Far.GetAddressBytes(), .. Near.GetAddressBytes(),
            0x12, 0x34, .. Network((ushort)((IPEndPoint)receiver.LocalEndPoint!).Port), 0, 9, 0, 0, 77,
        ];

        pair.Left.Run(() => pass.Inject(frame, link));

        byte[] datagram = new byte[16];
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        receiver.ReceiveTimeout = 20_000;
        Assert.Equal(1, receiver.ReceiveFrom(datagram, ref from));
        Assert.Equal(77, datagram[0]);
        Assert.Equal(new IPEndPoint(Far, 0x1234), from);
        Assert.Equal(Errno.ENODEV, Assert.Throws<BpfException>(() => pair.Left.Run(() => pass.Inject(frame, 12345))).Errno);

        static byte[] Network(ushort port) => [(byte)(port >> 8), (byte)port];
    }

    private static int Connect(NamespacePair pair)
    {
        using RouteNetlink left = RouteNetlink.Open(pair.Left);
        using RouteNetlink right = RouteNetlink.Open(pair.Right);
        LinkInfo near = left.CreateVeth(new VethOptions { Name = "near0", PeerName = "far0", PeerNamespace = pair.Right, Up = true });
        LinkInfo far = right.GetLink("far0");
        left.AddAddress(new(near.Index, Near, 24));
        right.AddAddress(new(far.Index, Far, 24));
        left.SetNeighbour(near.Index, Far, far.MacAddress!);
        right.SetNeighbour(far.Index, Near, near.MacAddress!);
        return near.Index;
    }

    private static Socket Bound(IPAddress address)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(address, 0));
        return socket;
    }

    private static void Send(Socket sender, Socket receiver, byte value) => sender.SendTo([value], receiver.LocalEndPoint!);
}

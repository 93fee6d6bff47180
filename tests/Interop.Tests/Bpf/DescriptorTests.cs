using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Bpf;
using Culvert.Interop.Handles;
using Culvert.Interop.Netlink;
using Culvert.Interop.Tests.Support;
using Culvert.Tests.Shared;

namespace Culvert.Interop.Tests.Bpf;

[CollectionDefinition(nameof(DescriptorTests), DisableParallelization = true)]
[Collection(nameof(DescriptorTests))]
public sealed class DescriptorTests(KernelFixture kernel) : IClassFixture<KernelFixture>
{
    [Theory]
    [InlineData(4)]
    [InlineData(8)]
    public void ASocketIsPutIntoASockmap(int valueSize)
    {
        Requires.Root();
        using BpfMap map = BpfMap.Create(BpfMapType.SockMap, "cv_t_sockets", 4, valueSize, 4);
        using Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        map.SetDescriptor(1, listener.SafeHandle);
        Assert.True(map.Delete(BitConverter.GetBytes(1u)));
        Assert.False(map.Delete(BitConverter.GetBytes(2u)));
        using Socket idle = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        Assert.Contains("cv_t_sockets", Assert.Throws<BpfException>(() => map.SetDescriptor(1, idle.SafeHandle)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void NothingIsLeftOpen()
    {
        KernelFixture.Need();
        Use();
        // What tests before this one have left to the garbage collector (pipes of processes, files of code) may be closed at any moment, and hide as many that are left open here.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        List<string> before = OpenDescriptors.List();
        for (int i = 0; i < 20; i++) Use();
        Assert.Empty(OpenDescriptors.Added(before, OpenDescriptors.List()));

        void Use()
        {
            using BpfObject bpf = kernel.Open();
            bpf.Load();
            using BpfProgram program = bpf.GetProgram("cv_t_tc");
            using BpfMap ring = bpf.GetMap("cv_t_ring");
            using RingBufferReader reader = new(ring, _ => { });
            using BpfMap<uint, Pair> map = bpf.GetMap<uint, Pair>("cv_t_hash");
            Assert.Throws<ArgumentException>(() => map.As<uint, byte>());
            using NetworkNamespace.Scope inside = kernel.Network.Enter();
            using RouteNetlink routes = RouteNetlink.Open();
            using NetlinkMonitor monitor = NetlinkMonitor.Open();
            TcFilter.Attach(program, routes.GetLink("lo").Index, TcDirection.Ingress);
            TcFilter.RemoveQdisc(routes.GetLink("lo").Index);
        }
    }

    [Fact]
    public void ADisposedHandleIsNotUsed()
    {
        Requires.Root();
        BpfMap<uint, uint> map = BpfMap.Create<uint, uint>(BpfMapType.Hash, "cv_t_closed", 4);
        map.Dispose();
        Assert.Throws<ObjectDisposedException>(() => map.Set(1, 1));
        Assert.Throws<ObjectDisposedException>(() => FileDescriptorHandle.Duplicate(map.Handle));
    }
}

using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Abi;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Proxy.Udp;

namespace Culvert.NodeAgent.Tests.Datapath;

/// <summary>What the agent reads and takes out of the kernel's sessions of datagrams. Needs root.</summary>
public sealed class DatagramDrawsTests
{
    private static readonly SocketEndPoint Client = Point("10.1.0.2", 40000), Service = Point("10.96.0.1", 53), OtherService = Point("10.96.0.2", 53), Backend = Point("10.2.0.2", 5353), OtherBackend = Point("10.2.0.3", 5353);

    public DatagramDrawsTests() => Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for BPF");

    [Fact]
    public void BothEntriesOfASessionAreReadAndTakenOut()
    {
        using AttachFixture node = new();
        DatagramDraws draws = new(node.Programs.Maps.Session);
        UdpSessionKey session = new(Client, Service);
        Assert.Null(draws.FindBackend(session));
        Draw(node, Service, Backend);
        Assert.Equal(Backend, draws.FindBackend(session));
        Assert.Equal(Service, draws.FindService(Client, Backend));
        Assert.Null(draws.FindBackend(new UdpSessionKey(Client, Backend)));
        Assert.Null(draws.FindService(Client, Service));

        // It is of another draw that it is told.
        draws.Forget(session, OtherBackend);
        draws.Forget(session, null);
        Assert.Equal(Backend, draws.FindBackend(session));
        draws.Forget(session, Backend);
        Assert.Empty(node.Programs.Maps.Session.ToList());
    }

    [Fact]
    public void WhatIsAnotherServicesStays()
    {
        using AttachFixture node = new();
        DatagramDraws draws = new(node.Programs.Maps.Session);
        Draw(node, Service, Backend);
        Draw(node, OtherService, Backend);
        draws.Forget(new UdpSessionKey(Client, Service), Backend);
        Assert.Null(draws.FindBackend(new UdpSessionKey(Client, Service)));
        Assert.Equal(Backend, draws.FindBackend(new UdpSessionKey(Client, OtherService)));
        Assert.Equal(OtherService, draws.FindService(Client, Backend));
    }

    private static void Draw(AttachFixture node, SocketEndPoint service, SocketEndPoint backend)
    {
        node.Programs.Maps.Session.Set(Key(service), Entry(backend, CvSessionFlag.Drawn));
        node.Programs.Maps.Session.Set(Key(backend), Entry(service, CvSessionFlag.Translated));
    }

    private static CvSession Entry(SocketEndPoint to, CvSessionFlag flag) => new() { Flags = (uint)flag, Addr = AbiAddress.From(to), Port = Key(to).Dport };

    private static CvFlowKey Key(SocketEndPoint to) => AbiAddress.FlowKey(Client, to, ProtocolType.Udp);

    private static SocketEndPoint Point(string address, int port) => new(IPAddress.Parse(address), port);
}

using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Netlink;
using Culvert.Interop.Sockets;

namespace Culvert.Interop.Tests.Sockets;

/// <summary>Datagrams from ports that are not bound, in a network namespace of the test's own. As root.</summary>
public sealed class UnboundDatagramSenderTests : IDisposable
{
    private const int Port = 5353;
    private readonly string _name = $"cv-ub{Environment.ProcessId}";
    private readonly NetworkNamespace? _place;

    public UnboundDatagramSenderTests()
    {
        if (!Environment.IsPrivilegedProcess) return;
        _place = NetworkNamespace.Create(_name);
        foreach (string arguments in new[] { "link set lo up", "address add 10.0.0.1/32 dev lo", "-6 address add fd00::1/128 dev lo nodad" })
        {
            Ip(arguments);
        }

        // Also without detection of duplicates an address is tentative for a moment, and what is for it is dropped.
        Assert.True(SpinWait.SpinUntil(() => Ip("-6 address show dev lo tentative").Length == 0, TimeSpan.FromSeconds(10)), "its address stays tentative");
    }

    private string Ip(string arguments)
    {
        using Process ip = Process.Start(new ProcessStartInfo("ip", ["-n", _name, .. arguments.Split(' ')]) { RedirectStandardOutput = true })!;
        string output = ip.StandardOutput.ReadToEnd();
        ip.WaitForExit();
        Assert.Equal(0, ip.ExitCode);
        return output;
    }

    [Theory]
    [InlineData("10.0.0.9", "10.0.0.1")]
    [InlineData("fd00::9", "fd00::1")]
    public void ADatagramOfAnySizeArrivesWhoeverHasItsPort(string from, string to)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for raw sockets and network namespaces");
        IPAddress address = IPAddress.Parse(to);
        using Socket taken = Make(IPAddress.IPv6Any, Port), receiver = Make(address, 0);
        receiver.ReceiveBufferSize = 1 << 20;
        receiver.ReceiveTimeout = 10_000;
        using UnboundDatagramSender sender = _place!.Run(() => UnboundDatagramSender.TryCreate(SocketMark.None, out _))!;
        byte[] buffer = new byte[65_536];

        // While others keep the machine busy the kernel loses the first of a new namespace now and then, after it was taken (Ip6OutNoRoutes counts it, though the route is there).
        SocketEndPoint place = new(address, (ushort)((IPEndPoint)receiver.LocalEndPoint!).Port);
        bool hasCome = SpinWait.SpinUntil(() => sender.Send(new SocketEndPoint(IPAddress.Parse(from), Port), place, null, [1]) == SocketErrno.None && receiver.Poll(TimeSpan.FromMilliseconds(200), SelectMode.SelectRead), TimeSpan.FromSeconds(10));
        Assert.True(hasCome, "no datagram comes");
        while (receiver.Poll(TimeSpan.FromMilliseconds(50), SelectMode.SelectRead)) receiver.Receive(buffer);
        foreach (int size in new[] { 0, 1, 2, 3, 4, 5, 7, 1400, 1473, 9001, address.AddressFamily == AddressFamily.InterNetwork ? 65_507 : UnboundDatagramSender.MaxPayload })
        {
            byte[] payload = new byte[size];
            new Random(size).NextBytes(payload);
            Assert.Equal(SocketErrno.None, sender.Send(new SocketEndPoint(IPAddress.Parse(from), Port), new SocketEndPoint(address, (ushort)((IPEndPoint)receiver.LocalEndPoint!).Port), null, payload));
            EndPoint seen = new IPEndPoint(address, 0);

            // The kernel has dropped what has a wrong checksum.
            Assert.Equal(payload, buffer[..receiver.ReceiveFrom(buffer, ref seen)]);
            Assert.Equal(new IPEndPoint(IPAddress.Parse(from), Port), seen);
        }

        Assert.Equal(0, taken.Available);
    }

    [Fact]
    public void WhatCanNotBeSentIsAnErrorAndNothingIsReceived()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for raw sockets and network namespaces");
        using UnboundDatagramSender sender = _place!.Run(() => UnboundDatagramSender.TryCreate(SocketMark.None, out _))!;
        SocketEndPoint four = new(IPAddress.Parse("10.0.0.1"), 1), six = new(IPAddress.Parse("fd00::1"), 1);
        Assert.Equal(SocketErrno.InvalidArgument, sender.Send(four, six, null, []));
        Assert.Equal(SocketErrno.InvalidArgument, sender.Send(four, four, null, new byte[UnboundDatagramSender.MaxPayload + 1]));
        Assert.NotEqual(SocketErrno.None, sender.Send(four, new SocketEndPoint(IPAddress.Parse("203.0.113.1"), 1), null, [1])); // there is no route
    }

    private Socket Make(IPAddress address, int port) => _place!.Run(() =>
    {
        Socket socket = new(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        if (address.AddressFamily == AddressFamily.InterNetworkV6) socket.DualMode = true;
        socket.Bind(new IPEndPoint(address, port));
        return socket;
    });

    public void Dispose()
    {
        if (_place is null) return;
        _place.Dispose();
        using Process ip = Process.Start("ip", ["netns", "delete", _name]);
        ip.WaitForExit();
    }
}

using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Culvert.Interop.Netlink;
using Culvert.Interop.Tests.Support;

namespace Culvert.Interop.Tests.Netlink;

public sealed class RouteNetlinkTests
{
    private static readonly PhysicalAddress Mac = PhysicalAddress.Parse("02-43-56-00-00-01");
    private static readonly PhysicalAddress PeerMac = PhysicalAddress.Parse("02-43-56-00-00-02");

    [Fact]
    public void AVethPairIsMadeAcrossNamespacesAndRemoved()
    {
        using NamespacePair pair = new();
        using RouteNetlink left = RouteNetlink.Open(pair.Left);
        using RouteNetlink right = RouteNetlink.Open(pair.Right);

        LinkInfo near = left.CreateVeth(new VethOptions
        {
            Name = "near0",
            PeerName = "far0",
            PeerNamespace = pair.Right,
            Mtu = 9000,
            MacAddress = Mac,
            PeerMacAddress = PeerMac,
            Up = true,
        });
        LinkInfo far = right.GetLink("far0");

        Assert.Equal(("near0", "veth", 9000, true), (near.Name, near.Kind, near.Mtu, near.IsUp));
        Assert.Equal(Mac, near.MacAddress);
        Assert.Equal(PeerMac, far.MacAddress);
        Assert.Equal(9000, far.Mtu);
        Assert.Equal(far.Index, near.PeerIndex);
        Assert.Equal(near.Index, far.PeerIndex);
        Assert.NotNull(near.PeerNamespaceId);
        Assert.True(left.FindLink(near.Index)!.HasCarrier);
        Assert.Contains(near.Name, left.GetLinks().Select(l => l.Name));
        Assert.Contains("lo", left.GetLinks().Select(l => l.Name));

        Assert.True(left.DeleteLink(near.Index));
        Assert.False(left.DeleteLink(near.Index));
        Assert.Null(right.FindLink("far0"));
    }

    [Fact]
    public void LinksAreChangedAndMoved()
    {
        using NamespacePair pair = new();
        using RouteNetlink left = RouteNetlink.Open(pair.Left);
        using RouteNetlink right = RouteNetlink.Open(pair.Right);
        LinkInfo link = left.CreateVeth(new VethOptions { Name = "a0", PeerName = "b0" });
        LinkInfo bridge = left.CreateLink("br0", "bridge");

        left.SetMtu(link.Index, 1280);
        left.SetMacAddress(link.Index, Mac);
        left.SetMaster(link.Index, bridge.Index);
        left.SetUp(link.Index);
        LinkInfo changed = left.GetLink("a0");
        Assert.Equal((1280, Mac, bridge.Index, true), (changed.Mtu, changed.MacAddress, changed.MasterIndex, changed.IsUp));
        Assert.Equal("bridge", bridge.Kind);

        left.SetUp(link.Index, up: false);
        left.SetMaster(link.Index, 0);
        left.SetName(link.Index, "renamed0");
        left.SetNamespace(link.Index, pair.Right);
        Assert.Null(left.FindLink("renamed0"));
        Assert.Equal("veth", right.GetLink("renamed0").Kind);
    }

    [Fact]
    public void ErrorsNameTheOperationTheObjectAndTheKernelsReason()
    {
        using NamespacePair pair = new();
        using RouteNetlink left = RouteNetlink.Open(pair.Left);
        left.CreateVeth(new VethOptions { Name = "a0", PeerName = "b0" });
        NetlinkException taken = Assert.Throws<NetlinkException>(() => left.CreateVeth(new VethOptions { Name = "a0", PeerName = "c0" }));
        Assert.Equal("EEXIST", taken.ErrnoName);
        Assert.Contains("'a0'", taken.Message, StringComparison.Ordinal);
        Assert.Equal("ENODEV", Assert.Throws<NetlinkException>(() => left.GetLink("nothing0")).ErrnoName);
        NetlinkException far = Assert.Throws<NetlinkException>(() => left.AddRoute(new IpRoute { Destination = IPNetwork.Parse("10.9.0.0/16"), Gateway = IPAddress.Parse("10.1.1.1") }));
        Assert.Contains("Nexthop has invalid gateway", far.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => left.FindLink("a-name-far-too-long"));
    }

    [Theory]
    [InlineData("10.20.0.1", 24)]
    [InlineData("fd20::1", 64)]
    public void AddressesComeAndGo(string text, int prefix)
    {
        using NamespacePair pair = new();
        using RouteNetlink left = RouteNetlink.Open(pair.Left);
        LinkAddress address = new(left.GetLink("lo").Index, IPAddress.Parse(text), prefix, NoDad: text.Contains(':', StringComparison.Ordinal));
        Assert.True(left.AddAddress(address));
        Assert.False(left.AddAddress(address));
        Assert.Equal([address], left.GetAddresses(address.InterfaceIndex).Where(a => !IPAddress.IsLoopback(a.Address)));
        Assert.True(left.DeleteAddress(address));
        Assert.False(left.DeleteAddress(address));
    }

    [Theory]
    [InlineData("10.30.0.1", "10.30.0.2", "10.40.0.0/16", "0.0.0.0/0")]
    [InlineData("fd30::1", "fd30::2", "fd40::/32", "::/0")]
    public void RoutesOfEveryKindComeAndGo(string own, string gateway, string network, string everything)
    {
        using NamespacePair pair = new();
        using RouteNetlink left = RouteNetlink.Open(pair.Left);
        int link = left.CreateVeth(new VethOptions { Name = "a0", PeerName = "b0", PeerNamespace = pair.Right, Up = true }).Index;
        left.SetUp(left.GetLink("lo").Index);
        left.AddAddress(new(link, IPAddress.Parse(own), own.Contains(':', StringComparison.Ordinal) ? 64 : 24, NoDad: true));
        IpRoute via = new() { Destination = IPNetwork.Parse(network), Gateway = IPAddress.Parse(gateway), InterfaceIndex = link, Mtu = 1400, PreferredSource = IPAddress.Parse(own), Protocol = 67, Priority = 5 };
        IpRoute local = new() { Destination = IPNetwork.Parse(everything), Type = RouteType.Local, Table = 1300, InterfaceIndex = left.GetLink("lo").Index };

        Assert.True(left.AddRoute(via));
        Assert.False(left.AddRoute(via));
        Assert.True(left.AddRoute(local));

        Assert.Equal(via, left.GetRoutes().Single(r => r.Protocol == 67));
        IpRoute found = Assert.Single(left.GetRoutes(1300));
        Assert.Equal((RouteType.Local, local.Destination, local.InterfaceIndex), (found.Type, found.Destination, found.InterfaceIndex));

        IpRoute replaced = via with { Mtu = 1300 };
        left.ReplaceRoute(replaced);
        Assert.Equal(replaced, left.GetRoutes().Single(r => r.Protocol == 67));
        Assert.True(left.DeleteRoute(replaced));
        Assert.False(left.DeleteRoute(replaced));
        Assert.True(left.DeleteRoute(local));
        Assert.Empty(left.GetRoutes(1300));
    }

    [Fact]
    public void AnIPv4RouteGoesByAnIPv6GatewayAndAnUnreachableOneIsListed()
    {
        using NamespacePair pair = new();
        using RouteNetlink left = RouteNetlink.Open(pair.Left);
        int link = left.CreateVeth(new VethOptions { Name = "a0", PeerName = "b0", PeerNamespace = pair.Right, Up = true }).Index;
        IpRoute mixed = new() { Destination = IPNetwork.Parse("10.50.0.0/16"), Gateway = IPAddress.Parse("fe80::1"), InterfaceIndex = link, OnLink = true };
        IpRoute unreachable = new() { Destination = IPNetwork.Parse("10.60.0.0/16"), Type = RouteType.Unreachable };
        left.AddRoute(mixed);
        left.AddRoute(unreachable);
        Assert.Equal(mixed.Gateway, left.GetRoutes().Single(r => r.Destination == mixed.Destination).Gateway);
        Assert.Equal(unreachable, left.GetRoutes().Single(r => r.Destination == unreachable.Destination));
    }

    [Theory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public void RulesAreAddedOnceListedAndDeleted(AddressFamily family)
    {
        using NamespacePair pair = new();
        using RouteNetlink left = RouteNetlink.Open(pair.Left);
        IpRule[] rules =
        [
            new() { Family = family, Priority = 100, Table = 1300, Mark = 0x00c10000, Mask = 0x00ff0000, Protocol = 67 },
            new() { Family = family, Priority = 101, Table = 1300, InputInterface = "lo", Invert = true, IpProtocol = 6, DestinationPort = 15008 },
            new() { Family = family, Priority = 102, Table = 1300, Action = IpRuleAction.Unreachable, InputInterface = "lo", Mark = 0x00c10000, Mask = 0x00ff0000 },
            new() { Family = family, Priority = 103, Table = 1300, Action = IpRuleAction.GoTo, Target = 104, InputInterface = "lo" },
            new() { Family = family, Priority = 104, Table = 1300, Action = IpRuleAction.None },
        ];
        foreach (IpRule rule in rules)
        {
            Assert.True(left.AddRule(rule));
            Assert.False(left.AddRule(rule));
        }
        Assert.Equal(rules, left.GetRules().Where(r => r.Priority is >= 100 and <= 104));
        foreach (IpRule rule in rules)
        {
            Assert.True(left.DeleteRule(rule));
            Assert.False(left.DeleteRule(rule));
        }
        Assert.DoesNotContain(left.GetRules(), r => r.Priority is >= 100 and <= 104);
    }

    [Fact]
    public void NeighboursAreSetAndForgotten()
    {
        using NamespacePair pair = new();
        using RouteNetlink left = RouteNetlink.Open(pair.Left);
        int link = left.CreateVeth(new VethOptions { Name = "a0", PeerName = "b0", Up = true }).Index;
        foreach (IPAddress address in new[] { IPAddress.Parse("10.70.0.2"), IPAddress.Parse("fd70::2") })
        {
            left.SetNeighbour(link, address, Mac);
            left.SetNeighbour(link, address, PeerMac);
            Assert.Equal(new Neighbour(link, address, PeerMac, IsPermanent: true), left.GetNeighbours(link).Single(n => n.Address.Equals(address)));
            Assert.True(left.DeleteNeighbour(link, address));
        }
    }

    [Fact]
    public void ALongListArrivesWhole()
    {
        const int Count = 2000;
        using NamespacePair pair = new();
        using RouteNetlink left = RouteNetlink.Open(pair.Left);
        for (int i = 0; i < Count; i++)
            left.AddRoute(new IpRoute { Destination = new IPNetwork(new IPAddress([10, (byte)(i >> 8), (byte)i, 0]), 24), Type = RouteType.Blackhole, Table = 1301 });
        Assert.Equal(Count, left.GetRoutes(1301).Select(r => r.Destination).Distinct().Count());
    }

    [Fact]
    public void TheMonitorHearsOfLinksAddressesAndRoutes()
    {
        using NamespacePair pair = new();
        using RouteNetlink left = RouteNetlink.Open(pair.Left);
        using NetlinkMonitor monitor = NetlinkMonitor.Open(pair.Left);
        using CancellationTokenSource deadline = new(TimeSpan.FromSeconds(20));
        List<NetlinkEvent> seen = [];

        LinkInfo link = left.CreateVeth(new VethOptions { Name = "a0", PeerName = "b0", Up = true });
        Until(e => e.Kind == NetlinkEventKind.LinkChanged && e.Link!.Name == "a0" && e.Link.IsUp);
        left.AddAddress(new(link.Index, IPAddress.Parse("10.80.0.1"), 24));
        Until(e => e.Kind == NetlinkEventKind.AddressChanged && e.Address!.Address.Equals(IPAddress.Parse("10.80.0.1")));
        Until(e => e.Kind == NetlinkEventKind.RouteChanged && e.Route!.Destination == IPNetwork.Parse("10.80.0.0/24"));
        left.DeleteLink(link.Index);
        Until(e => e.Kind == NetlinkEventKind.LinkRemoved && e.Link!.Index == link.Index);

        void Until(Predicate<NetlinkEvent> wanted)
        {
            while (!seen.Exists(wanted)) seen.AddRange(monitor.Read(deadline.Token));
        }
    }

    [Fact]
    public async Task AWaitingMonitorIsCancelled()
    {
        using NamespacePair pair = new();
        using NetlinkMonitor monitor = NetlinkMonitor.Open(pair.Left);
        using CancellationTokenSource stop = new();
        Task reading = Task.Factory.StartNew(() => monitor.Read(stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading.WaitAsync(TimeSpan.FromSeconds(20)));
    }
}

using System.Diagnostics;
using Culvert.Interop.Native;
using Culvert.Interop.Netlink;
using Culvert.Interop.Tests.Support;

namespace Culvert.Interop.Tests.Netlink;

/// <summary>Messages that a program with CAP_NET_ADMIN in a namespace sends to whoever asks the kernel there.</summary>
[Trait("Category", "Attack")]
public sealed class ForgedNetlinkTests
{
    private const uint LinkGroup = 1;

    // An RTM_NEWLINK of its own making, to each netlink socket of the namespace but the sender's, or to a group; perl-base is there wherever dpkg is.
    private const string Forger = """
        my ($group) = @ARGV;
        my $link = pack('L S S L L', 32, 16, 0, 1, 0) . pack('C C S l L L', 0, 0, 1, 7, 0, 0);
        socket(my $sender, 16, 3, 0) or die "socket: $!";
        bind($sender, pack('S S L L', 16, 0, 0, 0)) or die "bind: $!";
        my $own = (unpack('S S L L', getsockname($sender)))[2];
        if ($group) { send($sender, $link, 0, pack('S S L L', 16, 0, 0, $group)) or die "send: $!"; print 'sent'; exit; }
        open(my $list, '<', '/proc/net/netlink') or die "list: $!";
        while (<$list>) {
            my ($address, $protocol, $port) = split;
            next unless $protocol eq '0' and $port > 0 and $port != $own;
            print send($sender, $link, 0, pack('S S L L', 16, 0, $port, 0)) ? 'sent' : "$!";
        }
        """;

    [Fact]
    public void NobodyButTheKernelCanSendToASocketThatAsks()
    {
        using NamespacePair pair = new();
        using NetlinkSocket asking = pair.Left.Run(static () => new NetlinkSocket(groups: 0));
        Assert.Equal("Connection refused", Forge(pair, group: 0));
        Assert.Equal(Errno.EAGAIN, asking.TryReceive((_, _) => Assert.Fail("A forged message was taken.")));
    }

    [Fact]
    public void WhatOthersSendToAGroupIsNotTaken()
    {
        using NamespacePair pair = new();
        using NetlinkSocket listening = pair.Left.Run(static () => new NetlinkSocket(LinkGroup));
        Assert.Equal("sent", Forge(pair, LinkGroup));
        Assert.Equal(Errno.EAGAIN, listening.TryReceive((_, _) => Assert.Fail("A forged message was taken.")));

        using RouteNetlink route = pair.Left.Run(RouteNetlink.Open);
        pair.Left.Run(() => route.SetUp(route.FindLink("lo")!.Index));
        List<ushort> told = [];
        Assert.Equal(0, listening.TryReceive((type, _) => told.Add(type)));
        Assert.Equal([Rt.RTM_NEWLINK], told);
    }

    private static string Forge(NamespacePair pair, uint group)
    {
        using Process perl = Process.Start(new ProcessStartInfo("ip", ["netns", "exec", pair.LeftName, "perl", "-e", Forger, $"{group}"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        string said = perl.StandardOutput.ReadToEnd(), error = perl.StandardError.ReadToEnd();
        perl.WaitForExit();
        Assert.True(perl.ExitCode == 0, error);
        return said;
    }
}

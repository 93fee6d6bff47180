using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Support;

/// <summary>What a program did with a packet.</summary>
/// <param name="Code">TC_ACT_*.</param>
/// <param name="Bytes">The packet afterwards.</param>
/// <param name="Mark">Its mark afterwards.</param>
/// <param name="Events">Records written meanwhile.</param>
/// <param name="Drops">Reasons counted meanwhile.</param>
internal sealed record Outcome(int Code, byte[] Bytes, uint Mark, IReadOnlyList<CvEvent> Events, IReadOnlyList<CvReason> Drops)
{
    internal const int Ok = -1, Shot = 2, Redirect = 7, XdpDrop = 1, XdpPass = 2;

    /// <summary>What an XDP program left in front of the packet.</summary>
    internal byte[] Handover { get; init; } = [];

    /// <summary>The packet read back, sums checked.</summary>
    internal PacketView View => new(Bytes);

    /// <summary>Asserts that it was let through to the kernel's own forwarding.</summary>
    internal Outcome Passed()
    {
        Assert.Empty(Drops);
        Assert.Equal(Ok, Code);
        return this;
    }

    /// <summary>Asserts that it went straight to another pod.</summary>
    internal Outcome Redirected(Workload to)
    {
        Assert.Empty(Drops);
        Assert.Equal(Redirect, Code);
        Assert.Equal(to.Mac, View.DestinationMac);
        Assert.Equal(to.HostMac, View.SourceMac);
        return this;
    }

    /// <summary>Asserts that it was looped to its own namespace, for a socket of the proxy there.</summary>
    internal Outcome Looped()
    {
        Assert.Empty(Drops);
        Assert.Equal((Redirect, CvAbi.MarkCapture), (Code, Mark & CvAbi.MarkMask));
        Assert.Equal(new byte[12], Bytes[..12]);
        return this;
    }

    /// <summary>Asserts that it was left to the proxy's sockets where it has come.</summary>
    internal Outcome Captured()
    {
        Passed();
        Assert.Equal(CvAbi.MarkCapture, Mark & CvAbi.MarkMask);
        return this;
    }

    /// <summary>Asserts that it was dropped for the reason, without an answer.</summary>
    internal Outcome Dropped(CvReason reason)
    {
        Assert.Equal([reason], Drops);
        Assert.Equal(Shot, Code);
        return this;
    }

    /// <summary>Asserts that it was refused for the reason and turned into a reset.</summary>
    internal Outcome Reset(CvReason reason)
    {
        Assert.Equal([reason], Drops);
        Assert.Equal(Redirect, Code);
        Assert.True(View.Flags.HasFlag(TcpFlags.Rst));
        return this;
    }

    /// <summary>Asserts that it was refused for the reason and turned into the ICMP error that tells its sender of a closed port.</summary>
    internal Outcome Unreachable(CvReason reason, Packet asked)
    {
        Assert.Equal([reason], Drops);
        Assert.Equal(Redirect, Code);
        Assert.Equal((asked.Destination, asked.Source), (View.Source, View.Destination));
        Assert.Equal((asked.Source, asked.SourcePort), (View.Quoted.Source, View.Quoted.SourcePort));
        Assert.Equal((asked.Destination, asked.DestinationPort), (View.Quoted.Destination, View.Quoted.DestinationPort));
        (byte protocol, byte type, byte code) = asked.IsV6 ? (Packet.Icmp6, (byte)1, (byte)4) : (Packet.Icmp, (byte)3, (byte)3);
        Assert.Equal((protocol, type, code), (View.Protocol, Bytes[View.L4], Bytes[View.L4 + 1]));
        return this;
    }

    /// <summary>The only event, asserted to be of a type.</summary>
    internal CvEvent Single(CvEventType type)
    {
        CvEvent e = Assert.Single(Events);
        Assert.Equal(type, (CvEventType)e.Type);
        return e;
    }
}

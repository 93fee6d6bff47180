using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;
using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;
using Culvert.NodeAgent.Datapath;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.Datapath;

/// <summary>What is taken out of the flow table, and what is not. Needs root.</summary>
public sealed class FlowSweeperTests : IDisposable
{
    private const byte Tcp = 6, Udp = 17;
    private const uint Owner = 12;
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1), Old = TimeSpan.FromMinutes(5);
    private static readonly CvAddr Client = Address("10.7.0.2"), Server = Address("10.7.0.3"), Vip = Address("10.96.0.1");
    private readonly BpfObject _programs;
    private readonly BpfMap<CvFlowKey, CvFlow> _flows;
    private readonly BpfMap<uint, CvUsage> _usage;
    private readonly BpfMap<uint, ulong> _swept;
    private readonly FlowSweeper _sweeper;

    public FlowSweeperTests()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for BPF");
        _programs = BpfObject.OpenFile(Path.Combine(AppContext.BaseDirectory, "bpf", "tc.bpf.o"));
        _programs.SetMaxEntries("cv_flow", 64);
        _programs.Load();
        _flows = _programs.GetMap<CvFlowKey, CvFlow>("cv_flow");
        _usage = _programs.GetMap<uint, CvUsage>("cv_usage");
        _swept = _programs.GetMap<uint, ulong>("cv_swept");
        _sweeper = new FlowSweeper(_flows, _usage, _swept, NullLogger.Instance);
    }

    [Theory]
    [InlineData(false, false), InlineData(true, false)]
    [InlineData(false, true), InlineData(true, true)]
    public void WhileOneDirectionIsUsedTheOtherStaysToo(bool service, bool reply)
    {
        Add(Udp, service, reply ? Old : Fresh, reply ? Fresh : Old);
        Assert.Equal(0, _sweeper.Sweep());
        Assert.Equal(2, _sweeper.Entries);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void WhenNeitherIsUsedBothGo(bool service)
    {
        Add(Udp, service, Old, Old);
        Assert.Equal(2, _sweeper.Sweep());
        Assert.Empty(_flows.ToList());
        Assert.Equal(0, _sweeper.Entries);
    }

    [Theory]
    [InlineData((CvFlowFlag)0, (CvFlowFlag)0, 0)] // silent, but alive
    [InlineData(CvFlowFlag.Fin, (CvFlowFlag)0, 0)] // half-closed: the other may still speak
    [InlineData(CvFlowFlag.Fin, CvFlowFlag.Fin, 2)]
    [InlineData(CvFlowFlag.Closed, CvFlowFlag.Closed, 2)]
    public void AConnectionGoesWhenItIsClosedFromBothSides(CvFlowFlag client, CvFlowFlag server, int removed)
    {
        Add(Tcp, service: true, Old, Old, client | CvFlowFlag.Established, server | CvFlowFlag.Established);
        Assert.Equal(removed, _sweeper.Sweep());
        Assert.Equal(2 - removed, _sweeper.Entries);
    }

    [Theory, InlineData(Tcp), InlineData(Udp)]
    [Trait("Category", "Attack")]
    public void AttackWhatWasNeverAnsweredDoesNotStay(byte protocol)
    {
        Add(protocol, service: false, TimeSpan.FromSeconds(40), TimeSpan.FromSeconds(40), 0, 0);
        Assert.Equal(2, _sweeper.Sweep());
        Add(protocol, service: false, TimeSpan.FromSeconds(40), TimeSpan.FromSeconds(40));
        Assert.Equal(0, _sweeper.Sweep());
    }

    [Fact]
    public void TheAccountOfAPodSaysWhatItHasInTheTable()
    {
        _usage.Set(Owner, new CvUsage { Made = 10, Gone = 3 }); // of seven, a killed agent took out six without a word
        Add(Tcp, service: true, Fresh, Fresh);
        _sweeper.Sweep();
        Assert.True(_swept.TryGet(Owner, out ulong swept));
        Assert.Equal(6ul, swept);

        _flows.Clear();
        Add(Udp, service: true, Old, Old);
        _sweeper.Sweep();
        Assert.True(_swept.TryGet(Owner, out swept));
        Assert.Equal(7ul, swept);
        _sweeper.Sweep();
        Assert.False(_usage.TryGet(Owner, out _));
        Assert.False(_swept.TryGet(Owner, out _));
    }

    [Fact]
    public void AnEntryWithoutItsOtherDirectionGoesAlone()
    {
        (CvFlowKey key, CvFlowKey other) = Add(Udp, service: true, Old, Old);
        _flows.Delete(other);
        Assert.Equal(1, _sweeper.Sweep());
        Assert.False(_flows.TryGet(key, out _));
    }

    [Fact]
    public void TheOtherDirectionOfAnotherFlowIsLeft()
    {
        // What answered a flow by the Service is now of a flow that goes to the server itself.
        (CvFlowKey old, CvFlowKey shared) = Add(Udp, service: true, Old, Old);
        Add(Udp, service: false, Fresh, Fresh);
        Assert.Equal(1, _sweeper.Sweep());
        Assert.False(_flows.TryGet(old, out _));
        Assert.True(_flows.TryGet(shared, out _));
    }

    public void Dispose()
    {
        _flows?.Dispose();
        _usage?.Dispose();
        _swept?.Dispose();
        _programs?.Dispose();
    }

    // As flow_create does: each entry under what its sender puts on the wire.
    private (CvFlowKey Originator, CvFlowKey Answer) Add(byte protocol, bool service, TimeSpan sent, TimeSpan answered, CvFlowFlag clientFlags = CvFlowFlag.Established, CvFlowFlag serverFlags = CvFlowFlag.Established)
    {
        CvFlowKey originator = new() { Src = Client, Sport = Port(40000), Dst = service ? Vip : Server, Dport = Port(service ? 80 : 8080), Proto = protocol };
        CvFlowKey answer = new() { Src = Server, Sport = Port(8080), Dst = Client, Dport = Port(40000), Proto = protocol };
        CvFlow to = new() { Verdict = (byte)CvVerdict.Direct, Flags = (ushort)clientFlags, Owner = Owner, LastNs = Ago(sent) };
        CvFlow from = new() { Verdict = (byte)CvVerdict.Direct, Flags = (ushort)(serverFlags | CvFlowFlag.Reply), Owner = Owner, LastNs = Ago(answered) };
        if (service)
        {
            to.Flags |= (ushort)CvFlowFlag.NatDst;
            (to.NatAddr, to.NatPort) = (Server, Port(8080));
            from.Flags |= (ushort)CvFlowFlag.NatSrc;
            (from.NatAddr, from.NatPort) = (Vip, Port(80));
        }
        _flows.Set(originator, to);
        _flows.Set(answer, from);
        return (originator, answer);
    }

    private static ulong Ago(TimeSpan time) => (ulong)((Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency)) - (time.TotalSeconds * 1e9));

    private static CvAddr Address(string address) => AbiAddress.From(IPAddress.Parse(address));

    private static ushort Port(int port) => MemoryMarshal.Read<ushort>([(byte)(port >> 8), (byte)port]);
}

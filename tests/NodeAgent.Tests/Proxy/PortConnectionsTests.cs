using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>How many connections there may be to a Service port, and who is next.</summary>
public sealed class PortConnectionsTests
{
    private readonly List<string> _said = [];

    [Fact]
    public void WhoWaitsLongestIsNextAndThereAreNeverMore()
    {
        PortConnections port = new(2);
        Assert.True(port.TryTake());
        Assert.Null(port.TakeOrWait(() => _said.Add("first")));
        Assert.False(port.TryTake());
        Assert.NotNull(port.TakeOrWait(() => _said.Add("second")));
        LinkedListNode<Action> third = port.TakeOrWait(() => _said.Add("third"))!;
        Assert.NotNull(port.TakeOrWait(() => _said.Add("fourth")));
        Assert.True(port.IsWanted);
        port.Released();
        Assert.Equal((2, "second"), (port.Count, Assert.Single(_said)));
        Assert.True(port.Leave(third));
        Assert.False(port.Leave(third));
        port.Released();
        Assert.Equal(["second", "fourth"], _said);
        port.Released();
        port.Released();
        Assert.Equal((0, false), (port.Count, port.IsWanted));
    }

    [Fact]
    public void WhatNobodyUsesEndsForWhoeverWaits()
    {
        PortConnections port = new(1);
        Assert.True(port.TryTake());
        LinkedListNode<Action> idle = port.OnIdle(() => _said.Add("end"))!;
        port.OnUsed(idle);
        Assert.NotNull(port.TakeOrWait(() => _said.Add("granted")));
        Assert.Empty(_said); // it is used
        Assert.Null(port.OnIdle(() => _said.Add("end"))); // it is to end at once
        port.Released();
        Assert.Equal(["granted"], _said);
        Assert.NotNull(port.OnIdle(() => _said.Add("end")));
        Assert.NotNull(port.TakeOrWait(() => _said.Add("granted")));
        Assert.Equal(["granted", "end"], _said);
    }

    [Fact]
    public void AChangeOfTheMostCountsAtOnce()
    {
        PortConnections port = new(int.MaxValue);
        Assert.False(port.IsLimited);
        for (int i = 0; i < 4; i++) Assert.True(port.TryTake());
        port.Most = 2;
        Assert.False(port.TryTake());
        Assert.NotNull(port.TakeOrWait(() => _said.Add("granted")));
        port.Released();
        port.Released();
        Assert.Empty(_said);
        port.Released();
        Assert.Equal((2, "granted"), (port.Count, Assert.Single(_said)));
        Assert.NotNull(port.TakeOrWait(() => _said.Add("again")));
        port.Most = 3;
        Assert.Equal((3, 2), (port.Count, _said.Count));
    }

    [Fact]
    public void ManyThreadsTakeNoMoreEither()
    {
        PortConnections port = new(8);
        int now = 0, most = 0, granted = 0;
        Parallel.For(0, 2000, _ =>
        {
            if (port.TakeOrWait(Use) is null) Use();
        });
        Assert.Equal((2000, 0, 0), (granted, now, port.Count));
        Assert.InRange(most, 1, 8);

        void Use()
        {
            int at = Interlocked.Increment(ref now);
            int seen = Volatile.Read(ref most);
            while (at > seen && Interlocked.CompareExchange(ref most, at, seen) is var other && other != seen) seen = other;
            Interlocked.Increment(ref granted);
            Interlocked.Decrement(ref now);
            port.Released();
        }
    }
}

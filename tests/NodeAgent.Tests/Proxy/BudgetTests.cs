using System.Net;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Limits;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>Who gets how much when many want all.</summary>
public sealed class BudgetTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(9)]
    public void GreedyHoldersLeaveAsMuchAsEachOfThemHas(int greedy)
    {
        SharedBudget budget = new(10_000);
        for (int i = 0; i < 20_000; i++) budget.TryTake(Address(i % greedy));
        Assert.Equal(10_000.0 * greedy / (greedy + 1), budget.Used, tolerance: greedy + 1);
        Assert.Equal(BudgetResult.OverShare, budget.TryTake(Address(0)));
        Assert.Equal(BudgetResult.Taken, budget.TryTake(Address(99)));
    }

    [Fact]
    public void AGreedyClientLeavesRoomForOtherClientsOfTheSameWorkload()
    {
        SharedBudget budget = new(9000);
        BudgetHolder pod = Pod(1);
        SocketEndPoint alice = new(IPAddress.Parse("10.0.0.1"), 1), bob = new(IPAddress.Parse("10.0.0.2"), 1);
        while (budget.TryTake(pod, alice) == BudgetResult.Taken)
        {
        }

        Assert.Equal(3000, budget.Used);
        Assert.Equal(BudgetResult.Taken, budget.TryTake(pod, bob));
        Assert.Equal(BudgetResult.Taken, budget.TryTake(pod));
    }

    [Fact]
    public void WhatIsGivenBackCanBeTaken()
    {
        SharedBudget budget = new(100);
        SocketEndPoint alice = new(IPAddress.Parse("10.0.0.1"), 1);
        Random random = new(7);
        List<BudgetLease> leases = [.. Enumerable.Range(0, 50).Select(i => new BudgetLease(budget, Pod(i % 5), i % 2 == 0 ? alice : null))];
        for (int i = 0; i < 100_000; i++)
        {
            BudgetLease lease = leases[random.Next(leases.Count)];
            if (random.Next(3) == 0) lease.Dispose();
            else lease.TryTake();
            Assert.InRange(budget.Used, 0, 100);
        }

        leases.ForEach(l => l.Dispose());
        Assert.Equal(0, budget.Used);
        Assert.Equal(BudgetResult.Taken, budget.TryTake(Pod(1), alice));
    }

    [Theory]
    [InlineData(512)]
    [InlineData(1024)]
    [InlineData(4096)]
    [InlineData(20_000)]
    [InlineData(1_048_576)]
    [InlineData(long.MaxValue)]
    public void APlanStaysBelowTheLimitAndGivesEachUseSomething(long limit)
    {
        DescriptorPlan plan = DescriptorPlan.Of(limit);
        long sum = (long)plan.Workloads + plan.External + (2 * plan.Tunnels) + plan.Handshakes + plan.Spaces;
        Assert.InRange(sum, 100, limit - 384);
        Assert.All([plan.Workloads, plan.External, plan.Tunnels, plan.Handshakes, plan.Spaces], part => Assert.InRange(part, 6, 131_072));
    }

    private static BudgetHolder Pod(int n) => BudgetHolder.Of(ProxyPair.Workload($"bob{n}", "b", ProxyPair.Bob, IPAddress.Loopback));

    private static BudgetHolder Address(int n) => BudgetHolder.Of(new SocketEndPoint(new IPAddress(n + 1), 80));
}

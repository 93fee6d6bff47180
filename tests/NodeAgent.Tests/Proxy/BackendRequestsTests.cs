using System.Net;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>Which backends are left out for their failures, and how many requests and repetitions there may be.</summary>
public sealed class BackendRequestsTests
{
    private readonly ManualClock _clock = new();
    private readonly List<(string Backend, int Seconds)> _ejected = [];

    [Fact]
    public void ABackendIsLeftOutAfterErrorsInARowAndComesBack()
    {
        BackendRequests[] backends = Backends(2, new OutlierDetection(3, TimeSpan.FromSeconds(30), 50));
        Fail(backends[0], 2);
        backends[0].Report(TryOutcome.Good);
        Fail(backends[0], 2);
        backends[0].Report(TryOutcome.Unknown); // says nothing, and breaks no row
        Assert.False(backends[0].IsOut);
        Fail(backends[0], 1);
        Assert.True(backends[0].IsOut);
        Fail(backends[0], 5); // requests that were on their way
        _clock.Advance(TimeSpan.FromSeconds(29));
        Assert.True(backends[0].IsOut);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.False(backends[0].IsOut);
        Assert.Equal([("10.0.0.1:80", 30)], _ejected);
    }

    [Fact]
    public void WhereErrorsWithinATimeCountOnesInBetweenAreNoMatter()
    {
        BackendRequests[] backends = Backends(2, new OutlierDetection(3, TimeSpan.FromSeconds(30), 100) { Window = TimeSpan.FromSeconds(30) });
        foreach (int seconds in new[] { 0, 20, 20 }) // the third is no longer within 30 s of the first
        {
            _clock.Advance(TimeSpan.FromSeconds(seconds));
            Fail(backends[0], 1);
            backends[0].Report(TryOutcome.Good);
        }

        Assert.False(backends[0].IsOut);
        _clock.Advance(TimeSpan.FromSeconds(10));
        Fail(backends[0], 1); // within 30 s of the second
        Assert.True(backends[0].IsOut);
        _clock.Advance(TimeSpan.FromSeconds(30));
        Fail(backends[0], 2); // what was before it was left out is forgotten
        Assert.False(backends[0].IsOut);
        Fail(backends[0], 1);
        Assert.True(backends[0].IsOut);
    }

    [Fact]
    public void ErrorsWithinATimeAreCountedByManyThreadsAtOnce()
    {
        BackendRequests[] backends = Backends(2, new OutlierDetection(1000, TimeSpan.FromSeconds(30), 100) { Window = TimeSpan.FromSeconds(30) });
        Parallel.For(0, 999, _ => Fail(backends[0], 1));
        Assert.False(backends[0].IsOut);
        Parallel.For(0, 100, _ => Fail(backends[0], 1));
        Assert.True(backends[0].IsOut);
        _clock.Advance(TimeSpan.FromSeconds(30));
        Parallel.For(0, 999, _ => Fail(backends[0], 1));
        Assert.False(backends[0].IsOut);
    }

    [Fact]
    public void EachTimeThatFollowsAtOnceIsLonger()
    {
        BackendRequests[] backends = Backends(2, new OutlierDetection(1, TimeSpan.FromSeconds(10), 50));
        foreach (int length in new[] { 10, 20, 30 })
        {
            Fail(backends[0], 1);
            _clock.Advance(TimeSpan.FromSeconds(length));
            Assert.False(backends[0].IsOut);
        }

        _clock.Advance(TimeSpan.FromSeconds(30)); // as long as the last time: it is well
        Fail(backends[0], 1);
        Assert.Equal([10, 20, 30, 10], _ejected.Select(e => e.Seconds));
    }

    [Fact]
    public void NoTimeIsLongerThanTheLongest()
    {
        BackendRequests[] backends = Backends(2, new OutlierDetection(1, TimeSpan.FromMinutes(40), 50));
        Fail(backends[0], 1);
        _clock.Advance(TimeSpan.FromMinutes(40));
        Fail(backends[0], 1);
        Assert.Equal([2400, 3600], _ejected.Select(e => e.Seconds));
    }

    [Theory]
    [InlineData(1, 50, 0)]
    [InlineData(1, 99, 0)]
    [InlineData(1, 100, 1)]
    [InlineData(2, 50, 1)]
    [InlineData(3, 50, 1)]
    [InlineData(3, 10, 1)]
    [InlineData(2, 99, 1)]
    [InlineData(4, 50, 2)]
    [InlineData(10, 9, 1)]
    [InlineData(10, 10, 1)]
    [InlineData(10, 100, 10)]
    public void NoMoreThanAShareIsLeftOutAtOnce(int count, int percent, int expected)
    {
        BackendRequests[] backends = Backends(count, new OutlierDetection(1, TimeSpan.FromSeconds(10), percent));
        foreach (BackendRequests backend in backends) Fail(backend, 1);
        Assert.Equal(expected, backends.Count(b => b.IsOut));
    }

    [Fact]
    public void ManyThreadsLeaveNoMoreOutEither()
    {
        BackendRequests[] backends = Backends(16, new OutlierDetection(1, TimeSpan.FromSeconds(10), 25));
        Parallel.For(0, 1600, i => Fail(backends[i % 16], 1));
        Assert.Equal(4, backends.Count(b => b.IsOut));
    }

    [Fact]
    public void WhatIsNoLongerSaidDoesNotHold()
    {
        BackendRequests[] backends = Backends(2, new OutlierDetection(1, TimeSpan.FromSeconds(10), 50));
        Fail(backends[0], 1);
        backends[0].Port.Settings = new RequestSettings { Policy = new("a", "b"), MaxRequests = 1 };
        Assert.False(backends[0].IsOut);
        Fail(backends[1], 1);
        Assert.False(backends[1].IsOut);
    }

    [Fact]
    public void NoMoreRequestsRunThanMay()
    {
        PortRequests port = Port(new RequestSettings { Policy = new("a", "b"), MaxRequests = 100 });
        int began = 0;
        Parallel.For(0, 1000, _ =>
        {
            if (port.TryBegin(isFirst: true)) Interlocked.Increment(ref began);
        });
        Assert.Equal((100, 100), (began, port.Running));
        port.End();
        Assert.True(port.TryBegin(isFirst: false));
        Assert.False(port.TryBegin(isFirst: false));
    }

    [Fact]
    public void RepetitionsHaveAShareOfTheRequestsOfTenSeconds()
    {
        PortRequests port = Port(new RequestSettings { Policy = new("a", "b"), Retries = new RetryBudget(20, 1) });
        Assert.Equal(10, Repetitions(port));
        for (int i = 0; i < 100; i++) port.TryBegin(isFirst: true);
        port.TryBegin(isFirst: false); // is none of them
        Assert.Equal(20, Repetitions(port));
        _clock.Advance(TimeSpan.FromSeconds(9));
        Assert.Equal(0, Repetitions(port));
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(10, Repetitions(port));
    }

    [Fact]
    public void WithoutABudgetThereIsNoEnd()
    {
        PortRequests port = Port(new RequestSettings { Policy = new("a", "b"), MaxRequests = 1 });
        for (int i = 0; i < 1000; i++) Assert.True(port.TryRepeat());
    }

    [Fact]
    public void AnUnhealthyBackendIsLeftOutUntilItIsHealthyAgainAndStartsSlowly()
    {
        BackendRequests[] backends = CheckedBackends(2, null);
        Assert.True(backends[0].ReportUnhealthy() && backends[0].ReportUnhealthy());
        Assert.True(backends[0].IsOut && backends[0].IsUnhealthy && backends[0].Port.MayHaveOut);
        _clock.Advance(TimeSpan.FromDays(1));
        Assert.True(backends[0].IsOut);
        backends[0].ReportHealthy();
        backends[0].ReportHealthy();
        Assert.False(backends[0].IsOut || backends[0].IsUnhealthy || backends[0].Port.MayHaveOut);
        Assert.Equal(0.1, backends[0].WarmthAfter(TimeSpan.FromSeconds(100)), 6);
        Assert.True(backends[0].Port.IsWarming(TimeSpan.FromSeconds(100)));
        Assert.Empty(_ejected);
    }

    [Fact]
    public void UnhealthyOnesAndOnesThatFailAreLeftOutTogetherUpToTheMost()
    {
        BackendRequests[] backends = CheckedBackends(4, new OutlierDetection(1, TimeSpan.FromSeconds(30), 50));
        Fail(backends[0], 1);
        Assert.True(backends[1].ReportUnhealthy());
        Assert.False(backends[2].ReportUnhealthy());
        Fail(backends[3], 1);
        Assert.Equal([true, true, false, false], backends.Select(b => b.IsOut));
        Assert.True(backends[2].IsUnhealthy);
        _clock.Advance(TimeSpan.FromSeconds(30)); // the first is back: there is room
        Assert.True(backends[2].ReportUnhealthy());
        backends[1].ReportHealthy();
        Fail(backends[3], 1);
        Assert.Equal([false, false, true, true], backends.Select(b => b.IsOut));
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 1)]
    [InlineData(3, 1)]
    [InlineData(10, 5)]
    public void WhereNothingIsSaidHalfOfThemMayBeUnhealthyAndOneIsAlwaysAsked(int count, int most)
    {
        BackendRequests[] backends = CheckedBackends(count, null);
        foreach (BackendRequests backend in backends) backend.ReportUnhealthy();
        Assert.Equal(most, backends.Count(b => b.IsOut));
        Assert.All(backends, b => Assert.True(b.IsUnhealthy));
    }

    [Fact]
    public void WithoutHealthChecksNobodyIsUnhealthy()
    {
        BackendRequests[] backends = CheckedBackends(2, new OutlierDetection(1, TimeSpan.FromSeconds(30), 50));
        backends[0].ReportUnhealthy();
        backends[0].Port.Settings = backends[0].Port.Settings with { HealthCheck = null };
        Assert.False(backends[0].IsOut || backends[0].IsUnhealthy);
        Fail(backends[1], 1); // for which there is room
        Assert.True(backends[1].IsOut);
    }

    [Fact]
    public void WhoUsesAPortIsToldOnceAndNotedOnceASecond()
    {
        List<PortRequests> used = [];
        PortRequests port = new(new("a", "web"), 80, new RequestSettings { Policy = new("a", "b") }, _clock, ejected: null, used.Add);
        WorkloadInfo one = ProxyPair.Workload("one", "a", ProxyPair.Alice, IPAddress.Parse("10.1.0.1")), other = ProxyPair.Workload("other", "a", ProxyPair.Bob, IPAddress.Parse("10.1.0.2"));
        SocketEndPoint address = new(IPAddress.Parse("10.1.0.1"), 40000);
        port.OnUsed(one, address);
        Assert.Null(port.LastUse); // nobody asks its backends
        port.Settings = port.Settings with { HealthCheck = new HealthCheck(HealthCheckKind.Tcp) };
        port.OnUsed(one, address);
        Assert.Equal(port, Assert.Single(used));
        Assert.Equal((one, address.WithPort(0)), (port.LastUse!.Workload, port.LastUse.Address));
        _clock.Advance(TimeSpan.FromMilliseconds(999));
        PortUse noted = port.LastUse;
        port.OnUsed(one, address);
        Assert.Same(noted, port.LastUse);
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        port.OnUsed(one, address);
        Assert.NotSame(noted, port.LastUse);
        Assert.Single(used);
        port.OnUnchecked();
        port.OnUsed(one, address); // at once
        Assert.Equal((one, 2), (port.LastUse.Workload, used.Count));
    }

    [Fact]
    public void BackendsAreAskedInTheNameOfOneUntilItIsGoneOrCanNotAsk()
    {
        PortRequests port = new(new("a", "web"), 80, new RequestSettings { Policy = new("a", "b"), HealthCheck = new HealthCheck(HealthCheckKind.Tcp) }, _clock, ejected: null, _ => { });
        WorkloadInfo one = ProxyPair.Workload("one", "a", ProxyPair.Alice, IPAddress.Parse("10.1.0.1")), other = ProxyPair.Workload("other", "a", ProxyPair.Bob, IPAddress.Parse("10.1.0.2"));
        SocketEndPoint address = new(IPAddress.Parse("10.1.0.1"), 40000);
        port.OnUsed(one, address);
        _clock.Advance(TimeSpan.FromSeconds(59));
        port.OnUsed(other, address);
        Assert.Equal(one, port.LastUse!.Workload);
        _clock.Advance(TimeSpan.FromSeconds(1));
        port.OnUsed(other, address); // the first has gone
        Assert.Equal(other, port.LastUse.Workload);
        port.WantOtherUser();
        _clock.Advance(TimeSpan.FromSeconds(1));
        port.OnUsed(one, address);
        Assert.Equal(one, port.LastUse.Workload);
        _clock.Advance(TimeSpan.FromSeconds(1));
        port.OnUsed(other, address);
        Assert.Equal(one, port.LastUse.Workload);
    }

    private BackendRequests[] CheckedBackends(int count, OutlierDetection? outliers)
    {
        BackendRequests[] backends = Backends(count, outliers!);
        backends[0].Port.Settings = backends[0].Port.Settings with { HealthCheck = new HealthCheck(HealthCheckKind.Tcp) };
        return backends;
    }

    private static void Fail(BackendRequests backend, int times)
    {
        for (int i = 0; i < times; i++) backend.Report(TryOutcome.Bad);
    }

    private static int Repetitions(PortRequests port)
    {
        int count = 0;
        while (port.TryRepeat()) count++;
        return count;
    }

    private BackendRequests[] Backends(int count, OutlierDetection outliers)
    {
        PortRequests port = Port(new RequestSettings { Policy = new("a", "b"), Outliers = outliers });
        BackendRequests[] backends = [.. Enumerable.Range(1, count).Select(i => new BackendRequests(port, new SocketEndPoint(new IPAddress([10, 0, 0, (byte)i]), 80)))];
        foreach (BackendRequests backend in backends) backend.Siblings = backends;
        return backends;
    }

    private PortRequests Port(RequestSettings settings) => new(new("a", "web"), 80, settings, _clock, (backend, time) => _ejected.Add((backend.Address.ToString(), (int)time.TotalSeconds)));
}

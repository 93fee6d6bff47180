using System.Net;
using System.Runtime.CompilerServices;
using System.Text;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Mesh;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Tests.Proxy;

namespace Culvert.NodeAgent.Tests.Mesh;

/// <summary>Which backend gets a request.</summary>
public sealed class RequestBalancerTests
{
    private const int Requests = 30_000;
    private static readonly SocketEndPoint Client = new(IPAddress.Parse("10.0.0.1"), 0);

    private readonly ManualClock _clock = new();
    private readonly Random _random = new(7);

    [Theory]
    [InlineData(RequestBalancingMode.Random)]
    [InlineData(RequestBalancingMode.RoundRobin)]
    [InlineData(RequestBalancingMode.LeastRequests)]
    [InlineData(RequestBalancingMode.LeastTime)]
    public void EachGetsTheShareOfItsWeight(RequestBalancingMode mode)
    {
        int[] shares = Share(Balancer(mode, 1, 2, 3), new(mode));
        for (int i = 0; i < 3; i++) Assert.InRange(shares[i], Requests * (i + 1) / 6 * 0.95, Requests * (i + 1) / 6 * 1.05);
    }

    [Fact]
    public void WhoHasFewerRequestsForItsWeightGetsTheNext()
    {
        RequestBalancing least = new(RequestBalancingMode.LeastRequests);
        Backend[] backends = Backends(least, 1, 1, 2);
        RequestBalancer balancer = new(backends, _random, new StrongBox<int>());
        for (int i = 0; i < 4000; i++) Pick(balancer, least).Requests!.Begin(); // none is answered
        Assert.InRange(backends[0].Requests!.Running, 990, 1010);
        Assert.InRange(backends[1].Requests!.Running, 990, 1010);
        Assert.InRange(backends[2].Requests!.Running, 1980, 2020);
    }

    [Fact]
    public void WhoAnswersSoonerGetsMostAndTheOthersAreAskedAgain()
    {
        RequestBalancing least = new(RequestBalancingMode.LeastTime);
        Backend[] backends = Backends(least, 1, 1, 1);
        RequestBalancer balancer = new(backends, _random, new StrongBox<int>());
        int[] shares = new int[3];
        for (int i = 0; i < Requests; i++)
        {
            Backend picked = Pick(balancer, least);
            int which = Array.IndexOf(backends, picked);
            shares[which]++;
            picked.Requests!.ReportTime(TimeSpan.FromMilliseconds(which == 1 ? 50 : 1));
            _clock.Advance(TimeSpan.FromMilliseconds(1));
        }

        // Of two that are drawn the slow one is taken only when it has been forgotten: after 10 s times the logarithm of 50, each time.
        Assert.InRange(shares[1], 1, 10);
        Assert.InRange(shares[0], Requests * 0.4, Requests * 0.6);
    }

    [Fact]
    public void WhoFailsAtOnceIsNotTakenForQuick()
    {
        RequestBalancing least = new(RequestBalancingMode.LeastTime);
        Backend[] backends = Backends(least, 1, 1);
        RequestBalancer balancer = new(backends, _random, new StrongBox<int>());
        backends[0].Requests!.ReportFailure(TimeSpan.FromMicroseconds(10));
        backends[1].Requests!.ReportTime(TimeSpan.FromMilliseconds(20));
        for (int i = 0; i < 100; i++) Assert.Same(backends[1], Pick(balancer, least));
    }

    [Fact]
    public void WhoIsGivenUpWithoutAnAnswerIsTakenForSlow()
    {
        RequestBalancing least = new(RequestBalancingMode.LeastTime);
        Backend[] backends = Backends(least, 1, 1);
        RequestBalancer balancer = new(backends, _random, new StrongBox<int>());
        int hung = 0;
        for (int second = 0; second < 300; second++)
        {
            Backend picked = Pick(balancer, least);
            if (picked == backends[0]) hung++;
            if (picked == backends[0]) picked.Requests!.ReportWait(TimeSpan.FromSeconds(1));
            else picked.Requests!.ReportTime(TimeSpan.FromMilliseconds(1));
            _clock.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.InRange(hung, 1, 8); // when the second that it took is forgotten
        backends[0].Requests!.ReportWait(TimeSpan.FromMicroseconds(1)); // says nothing
        Assert.NotEqual(0, backends[0].Requests!.ExpectedTime(0));
    }

    [Fact]
    public void AThirdTryGoesAnywhereAlsoWithAHash()
    {
        RequestBalancing hash = new(RequestBalancingMode.Hash) { Header = "x-user" };
        Backend[] backends = Backends(hash, 1, 1, 1, 1, 1);
        RequestBalancer balancer = new(backends, _random, new StrongBox<int>());
        Lines user = new(("x-user", "1"));
        Backend first = Pick(balancer, hash, new(user)), second = Pick(balancer, hash, new(user, Tried(first)));
        Assert.NotSame(first, second);
        Assert.Same(second, Pick(balancer, hash, new(user, Tried(first))));
        HashSet<Backend> third = [.. Enumerable.Range(0, 200).Select(_ => Pick(balancer, hash, new(user, Tried(first, second))))];
        Assert.Equal([.. backends.Where(b => b != first && b != second)], third);
    }

    [Fact]
    public void ACookieThatIsGivenAtARepetitionLeadsAwayFromWhatHasFailed()
    {
        RequestBalancing hash = new(RequestBalancingMode.Hash) { Cookie = new AffinityCookie("s", TimeSpan.Zero) };
        Backend[] backends = Backends(hash, 1, 1);
        RequestBalancer balancer = new(backends, _random, new StrongBox<int>());
        int back = 0;
        for (int i = 0; i < 200; i++)
        {
            Backend given = balancer.Pick(hash, new RequestTraits(new Lines(), Tried(backends[0])), Client, out string? cookie)!;
            Assert.Same(backends[1], given);
            Assert.NotNull(cookie);
            if (Pick(balancer, hash, new(new Lines(("cookie", cookie[..cookie.IndexOf(';', StringComparison.Ordinal)])))) == backends[0]) back++;
        }

        Assert.Equal(0, back);
    }

    [Fact]
    public void ACookieThatIsGivenAtAnyTryLeadsToTheBackendThatGivesIt()
    {
        RequestBalancing hash = new(RequestBalancingMode.Hash) { Cookie = new AffinityCookie("s", TimeSpan.Zero) };
        Backend[] backends = Backends(hash, 1, 1, 1, 1, 1);
        RequestBalancer balancer = new(backends, _random, new StrongBox<int>());
        for (int tried = 0; tried < 4; tried++)
        {
            int without = 0;
            for (int i = 0; i < 200; i++)
            {
                Backend given = balancer.Pick(hash, new RequestTraits(new Lines(), tried == 0 ? null : Tried(backends[..tried])), Client, out string? cookie)!;
                Assert.DoesNotContain(given, backends[..tried]);
                if (cookie is null) without++; // it would not
                else Assert.Same(given, Pick(balancer, hash, new(new Lines(("cookie", cookie[..cookie.IndexOf(';', StringComparison.Ordinal)])))));
            }

            Assert.InRange(without, 0, 30);
        }

        balancer.Pick(hash, new RequestTraits(new Lines(), Tried(backends)), Client, out string? none);
        Assert.Null(none);
    }

    [Theory]
    [InlineData(RequestBalancingMode.Random)]
    [InlineData(RequestBalancingMode.RoundRobin)]
    [InlineData(RequestBalancingMode.LeastRequests)]
    [InlineData(RequestBalancingMode.LeastTime)]
    [InlineData(RequestBalancingMode.Hash)]
    public void AllThatHaveBeenTriedAreLeftOutWhileThereAreOthersAndThenTheLast(RequestBalancingMode mode)
    {
        RequestBalancing balancing = new(mode);
        Backend[] backends = Backends(balancing, 1, 1, 1, 1);
        RequestBalancer balancer = new(backends, _random, new StrongBox<int>());
        for (int i = 0; i < 100; i++)
        {
            Assert.Same(backends[3], Pick(balancer, balancing, new RequestTraits(null, Tried(backends[..3]))));
            Assert.NotSame(backends[3], Pick(balancer, balancing, new RequestTraits(null, Tried(backends))));
        }
    }

    [Fact]
    public void WhoseAnswersDoNotComeGetsNoMore()
    {
        RequestBalancing least = new(RequestBalancingMode.LeastTime);
        Backend[] backends = Backends(least, 1, 1);
        RequestBalancer balancer = new(backends, _random, new StrongBox<int>());
        foreach (Backend backend in backends) backend.Requests!.ReportTime(TimeSpan.FromMilliseconds(1));
        int hung = 0;
        for (int second = 0; second < 600; second++)
        {
            Backend picked = Pick(balancer, least);
            if (picked == backends[0])
            {
                hung++;
                picked.Requests!.Begin();
                picked.Requests!.BeginWait();
            }
            else
            {
                picked.Requests!.ReportTime(TimeSpan.FromMilliseconds(1));
            }

            _clock.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(1, hung);
        backends[0].Requests!.EndWait();
        backends[0].Requests!.End();
        Assert.Same(backends[0], Pick(balancer, least)); // it has none to wait for, and its times are forgotten
    }

    [Fact]
    public void NothingCountsForLongerThanAFailure()
    {
        Backend backend = Backends(new(RequestBalancingMode.LeastTime), 1)[0];
        backend.Requests!.ReportTime(TimeSpan.FromHours(1));
        Assert.Equal(10_000_000, backend.Requests!.ExpectedTime(0), 1.0);
        backend.Requests!.ReportWait(TimeSpan.FromHours(1));
        backend.Requests!.ReportFailure(TimeSpan.FromHours(1));
        Assert.Equal(10_000_000, backend.Requests!.ExpectedTime(0), 1.0);
    }

    [Theory]
    [InlineData(RequestBalancingMode.Random)]
    [InlineData(RequestBalancingMode.RoundRobin)]
    [InlineData(RequestBalancingMode.LeastRequests)]
    [InlineData(RequestBalancingMode.LeastTime)]
    public void OneThatIsNewGetsItsPartAlsoWhereTheOthersHaveMuchToDo(RequestBalancingMode mode)
    {
        RequestBalancing balancing = new(mode) { SlowStart = TimeSpan.FromSeconds(10) };
        Backend[] old = Backends(balancing, 1, 1);
        Backend added = Of(old[0].Requests!.Port, 9, 1, isLate: true);
        RequestBalancer balancer = new([.. old, added], _random, new StrongBox<int>());
        Queue<Backend> running = [];
        int share = 0;
        for (int i = 0; i < Requests; i++)
        {
            Backend picked = Pick(balancer, balancing);
            picked.Requests!.Begin();
            running.Enqueue(picked);
            if (picked == added) share++;
            if (running.Count < 16) continue;
            Backend answered = running.Dequeue();
            answered.Requests!.End();
            answered.Requests!.ReportTime(TimeSpan.FromMilliseconds(1));
        }

        Assert.InRange(share, Requests * 0.02, Requests * 0.08); // its part is 0.1 of 2.1
    }

    [Fact]
    public void ByAKeyTheSameIsFoundWithAndWithoutLogarithms()
    {
        Backend[] backends = Backends(new(RequestBalancingMode.Hash), 3, 3, 3, 3, 3);
        for (ulong key = 0; key < 10_000; key++) Assert.Same(BackendDraw.ByKey(backends, key, isEven: false, new Weights()), BackendDraw.ByKey(backends, key, isEven: true, new Weights()));
    }

    [Fact]
    public void OneOfWhichNothingIsKnownGetsOneRequestUntilItIsAnswered()
    {
        RequestBalancing least = new(RequestBalancingMode.LeastTime);
        Backend[] backends = Backends(least, 1, 1);
        RequestBalancer balancer = new(backends, _random, new StrongBox<int>());
        backends[1].Requests!.ReportTime(TimeSpan.FromMilliseconds(20));
        Assert.Same(backends[0], Pick(balancer, least));
        backends[0].Requests!.Begin();
        for (int i = 0; i < 100; i++) Assert.Same(backends[1], Pick(balancer, least));
    }

    [Fact]
    public void TheSameHeaderHasTheSameBackendAndFewMoveWhenOneGoes()
    {
        RequestBalancing hash = new(RequestBalancingMode.Hash) { Header = "x-user" };
        Backend[] backends = Backends(hash, 1, 1, 1, 1);
        RequestBalancer four = new(backends, _random, new StrongBox<int>()), three = new(backends[..3], new Random(99), new StrongBox<int>());
        int[] shares = new int[4];
        for (int user = 0; user < 4000; user++)
        {
            RequestTraits traits = new(new Lines(("x-other", "1"), ("x-user", $"user-{user}")));
            Backend picked = Pick(four, hash, traits);
            shares[Array.IndexOf(backends, picked)]++;
            Assert.Same(picked, Pick(four, hash, traits));
            if (picked != backends[3]) Assert.Same(picked, Pick(three, hash, traits));
        }

        Assert.All(shares, share => Assert.InRange(share, 900, 1100));
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("s=", false)]
    [InlineData("session=a", false)]
    [InlineData("S=a", false)]
    [InlineData("s", false)]
    [InlineData("s=a", true)]
    [InlineData("x=1; s=a; y=2", true)]
    [InlineData("x=1;s=a", true)]
    public void ACookieIsFoundWhereverItIs(string? cookies, bool isThere)
    {
        Assert.Equal(isThere, RequestKey.OfCookie(cookies is null ? new Lines() : new Lines(("cookie", "other=1"), ("cookie", cookies)), "s") is not null);
        if (isThere) Assert.Equal(RequestKey.OfCookie(new Lines(("cookie", "s=a")), "s"), RequestKey.OfCookie(new Lines(("cookie", cookies!)), "s"));
    }

    [Fact]
    public void ACookieThatIsGivenLeadsToTheBackendThatGaveIt()
    {
        RequestBalancing hash = new(RequestBalancingMode.Hash) { Cookie = new AffinityCookie("s", TimeSpan.FromHours(1)) };
        RequestBalancer balancer = new(Backends(hash, 1, 1, 1), _random, new StrongBox<int>());
        HashSet<Backend> seen = [];
        for (int i = 0; i < 100; i++)
        {
            Backend first = balancer.Pick(hash, new RequestTraits(new Lines()), Client, out string? cookie)!;
            Assert.NotNull(cookie);
            Assert.Matches("^s=[0-9a-f]{16}; Path=/; Max-Age=3600; HttpOnly$", cookie);
            Assert.Same(first, balancer.Pick(hash, new RequestTraits(new Lines(("cookie", cookie[..cookie.IndexOf(';', StringComparison.Ordinal)]))), Client, out string? second));
            Assert.Null(second);
            seen.Add(first);
        }

        Assert.Equal(3, seen.Count);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void WithoutTheHeaderOrCookieRequestsAreSpread(bool isCookie)
    {
        RequestBalancing hash = isCookie ? new(RequestBalancingMode.Hash) { Cookie = new AffinityCookie("s", null) } : new(RequestBalancingMode.Hash) { Header = "x-user" };
        int[] shares = Share(new RequestBalancer(Backends(hash, 1, 1, 1), _random, new StrongBox<int>()), hash);
        Assert.All(shares, share => Assert.InRange(share, Requests / 3 * 0.95, Requests / 3 * 1.05));
    }

    [Fact]
    public void ACookieCountsWhereThereIsNoHeader()
    {
        RequestBalancing hash = new(RequestBalancingMode.Hash) { Header = "x-user", Cookie = new AffinityCookie("s", null) };
        RequestBalancer balancer = new(Backends(hash, 1, 1, 1), _random, new StrongBox<int>());
        for (int user = 0; user < 20; user++)
        {
            Backend byHeader = Pick(balancer, hash, new(new Lines(("x-user", $"{user}"), ("cookie", "s=1"))));
            Assert.Same(byHeader, Pick(balancer, hash, new(new Lines(("cookie", $"s={user}")))));
        }
    }

    [Fact]
    public void WithAHashOneThatIsNewTakesItsValuesOverByAndByAndEachOnce()
    {
        RequestBalancing hash = new(RequestBalancingMode.Hash) { Header = "x-user", SlowStart = TimeSpan.FromSeconds(10) };
        Backend[] old = Backends(hash, 1, 1);
        Backend added = Of(old[0].Requests!.Port, 9, 1, isLate: true);
        RequestBalancer balancer = new([.. old, added], _random, new StrongBox<int>());
        HashSet<int> taken = [];
        foreach (double most in new[] { 0.08, 0.25, 0.36 })
        {
            HashSet<int> now = [.. Enumerable.Range(0, 3000).Where(user => Pick(balancer, hash, new(new Lines(("x-user", $"{user}")))) == added)];
            Assert.Superset(taken, now);
            Assert.InRange(now.Count, taken.Count + 100, 3000 * most);
            taken = now;
            _clock.Advance(TimeSpan.FromSeconds(5));
        }
    }

    [Fact]
    public void WithNeitherAClientKeepsItsBackend()
    {
        RequestBalancing hash = new(RequestBalancingMode.Hash);
        Assert.Equal(Requests, Share(new RequestBalancer(Backends(hash, 1, 1, 1), _random, new StrongBox<int>()), hash).Max());
    }

    [Theory]
    [InlineData(RequestBalancingMode.Random)]
    [InlineData(RequestBalancingMode.RoundRobin)]
    [InlineData(RequestBalancingMode.LeastRequests)]
    [InlineData(RequestBalancingMode.LeastTime)]
    [InlineData(RequestBalancingMode.Hash)]
    public void WhatHasFailedJustNowIsAskedAgainOnlyWhereThereIsNoOther(RequestBalancingMode mode)
    {
        RequestBalancing balancing = new(mode);
        Backend[] backends = Backends(balancing, 1, 1, 1);
        RequestBalancer balancer = new(backends, _random, new StrongBox<int>());
        foreach (Backend failed in backends)
        {
            for (int i = 0; i < 100; i++) Assert.NotSame(failed, Pick(balancer, balancing, new RequestTraits(null, Tried(failed))));
        }

        Assert.Same(backends[0], Pick(new RequestBalancer(backends[..1], _random, new StrongBox<int>()), balancing, new RequestTraits(null, Tried(backends[0]))));
        Assert.Null(new RequestBalancer([], _random, new StrongBox<int>()).Pick(balancing, default, Client, out _));
    }

    [Theory]
    [InlineData(RequestBalancingMode.Random)]
    [InlineData(RequestBalancingMode.RoundRobin)]
    [InlineData(RequestBalancingMode.LeastRequests)]
    [InlineData(RequestBalancingMode.LeastTime)]
    public void OneThatIsNewGetsItsShareByAndBy(RequestBalancingMode mode)
    {
        RequestBalancing balancing = new(mode) { SlowStart = TimeSpan.FromSeconds(10) };
        Backend[] old = Backends(balancing, 1, 1);
        Backend added = Of(old[0].Requests!.Port, 9, 1, isLate: true);
        RequestBalancer balancer = new([.. old, added], _random, new StrongBox<int>());
        int before = 0;
        foreach (int seconds in new[] { 0, 5, 10 })
        {
            int share = 0;
            for (int i = 0; i < Requests; i++)
            {
                Backend picked = Pick(balancer, balancing);
                picked.Requests!.ReportTime(TimeSpan.FromMilliseconds(1));
                if (picked == added) share++;
            }

            Assert.InRange(share, before + (Requests / 40), Requests);
            if (seconds == 0) Assert.InRange(share, Requests * 0.03, Requests * 0.08);
            before = share;
            _clock.Advance(TimeSpan.FromSeconds(5));
        }

        Assert.InRange(before, Requests * 0.31, Requests * 0.36);
    }

    [Theory]
    [InlineData(RequestBalancingMode.Random)]
    [InlineData(RequestBalancingMode.RoundRobin)]
    [InlineData(RequestBalancingMode.LeastRequests)]
    [InlineData(RequestBalancingMode.LeastTime)]
    [InlineData(RequestBalancingMode.Hash)]
    public void BackendsOfTheZoneGetAllWhileEnoughAreWellAndThenAPart(RequestBalancingMode mode)
    {
        RequestBalancing balancing = new(mode) { PrefersZone = true, Header = mode == RequestBalancingMode.Hash ? "x-user" : null };
        Backend[] backends = [.. Backends(balancing, 1, 1, 1, 1, 1, 1, 1, 1).Select((b, i) => b with { IsNear = i < 5 })];
        ZoneBalancer balancer = new(backends, _random, new StrongBox<int>());
        PortRequests port = backends[0].Requests!.Port;
        port.Settings = port.Settings with { Outliers = new OutlierDetection(1, TimeSpan.FromHours(1), 100) };
        BackendRequests[] all = [.. backends.Select(b => b.Requests!)];
        foreach (BackendRequests one in all) one.Siblings = all;
        foreach (double near in new[] { 1, 1, 0.84, 0.56, 0.28, 0 }) // of 5, 4, 3, 2, 1 and none: 1.4 times the part that is well
        {
            int got = 0;
            for (int i = 0; i < 10_000; i++)
            {
                Backend picked = balancer.Pick(balancing, new RequestTraits(new Lines(("x-user", $"{i}"))), Client, out _)!;
                Assert.False(picked.IsOut);
                if (picked.IsNear) got++;
            }

            Assert.InRange(got, (near * 10_000) - 200, (near * 10_000) + 200);
            Backend? next = Array.Find(backends, b => b.IsNear && !b.IsOut);
            next?.Requests!.Report(TryOutcome.Bad);
        }
    }

    [Fact]
    public void WhereAllOfTheZoneHaveBeenTriedOthersAreAsked()
    {
        RequestBalancing balancing = new(RequestBalancingMode.RoundRobin) { PrefersZone = true };
        Backend[] backends = [.. Backends(balancing, 1, 1, 1).Select((b, i) => b with { IsNear = i < 2 })];
        ZoneBalancer balancer = new(backends, _random, new StrongBox<int>());
        for (int i = 0; i < 100; i++)
        {
            Assert.Equal(backends[1], balancer.Pick(balancing, new RequestTraits(null, Tried(backends[0])), Client, out _));
            Assert.Equal(backends[2], balancer.Pick(balancing, new RequestTraits(null, Tried(backends[0], backends[1])), Client, out _));
            Assert.NotNull(balancer.Pick(balancing, new RequestTraits(null, Tried(backends)), Client, out _));
        }
    }

    private static TriedBackends Tried(params Backend[] backends)
    {
        TriedBackends tried = new();
        foreach (Backend backend in backends) tried.With(backend.Address);
        return tried;
    }

    private readonly struct Weights : IBackendShare
    {
        public double Of(Backend backend) => backend.Weight;
    }

    private int[] Share(RequestBalancer balancer, RequestBalancing balancing)
    {
        Dictionary<Backend, int> shares = [];
        for (int i = 0; i < Requests; i++)
        {
            Backend picked = Pick(balancer, balancing);
            shares[picked] = shares.GetValueOrDefault(picked) + 1;
        }

        return [.. shares.OrderBy(s => s.Key.Address.Port).Select(s => s.Value)];
    }

    private static Backend Pick(RequestBalancer balancer, RequestBalancing balancing, RequestTraits traits = default)
    {
        Backend? picked = balancer.Pick(balancing, traits.Fields is null ? traits with { Fields = new Lines() } : traits, Client, out _);
        Assert.NotNull(picked);
        return picked;
    }

    private RequestBalancer Balancer(RequestBalancingMode mode, params ushort[] weights) => new(Backends(new(mode), weights), _random, new StrongBox<int>());

    private Backend[] Backends(RequestBalancing balancing, params ushort[] weights)
    {
        PortRequests port = new(new("shop", "web"), 80, new RequestSettings { Policy = new("shop", "web"), Balancing = balancing }, _clock, ejected: null);
        return [.. weights.Select((weight, i) => Of(port, (ushort)(i + 1), weight))];
    }

    private static Backend Of(PortRequests port, ushort number, ushort weight, bool isLate = false)
    {
        SocketEndPoint address = new(IPAddress.Parse("10.0.0.9"), number);
        return new Backend(address, weight, Load: null, IsUnmeshed: false) { Requests = new BackendRequests(port, address, isLate) };
    }

    private sealed class Lines(params (string Name, string Value)[] lines) : IRequestFields
    {
        public int Count => lines.Length;

        public void Get(int index, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
        {
            name = Encoding.ASCII.GetBytes(lines[index].Name);
            value = Encoding.ASCII.GetBytes(lines[index].Value);
        }
    }
}

using System.Collections.Immutable;
using Culvert.Core;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Datapath.Delivery;
using Culvert.NodeAgent.Datapath.Inside;
using Culvert.NodeAgent.State;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.Datapath;

/// <summary>What is known of pods whose captured packets may not arrive, and when that is tried.</summary>
public sealed class DeliveryKeeperTests : IDisposable
{
    private static readonly ProbeDestinations Nobody = ProbeDestinations.Of(TestMesh.Snapshot([]));
    private static readonly LocalEndpoint Web = Endpoint("web", 7), Db = Endpoint("db", 8);

    private readonly ScriptedProbe _probe = new();
    private readonly DatapathState _state = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("culvert-delivery-").FullName;
    private DeliveryKeeper _keeper;

    public DeliveryKeeperTests() => _keeper = Start();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void APodIsTriedOnceBeforeItIsCaptured()
    {
        Assert.Null(Find(Web));
        Assert.Null(Find(Web));
        Assert.Equal(["uncaptured web"], _probe.Tried);
    }

    [Fact]
    public void OneThatIsCapturedIsNotTriedInItsPlace()
    {
        _probe.Lost.Add(Web.Workload.Uid);
        Assert.Null(Find(Web, isCaptured: true));
        Assert.Empty(_probe.Tried);
    }

    [Fact]
    public void WhatIsLostIsSaidWithItsFamilyUntilOneOfTheAilingArrives()
    {
        _probe.Lost.UnionWith([Web.Workload.Uid, Db.Workload.Uid]);
        Assert.Contains("does not reach the proxy (IPv4)", Find(Web), StringComparison.Ordinal);
        Assert.NotNull(Find(Db));
        Assert.False(_keeper.Look());
        Assert.False(_keeper.Look());
        Assert.Equal(4, _probe.Tried.Count); // one of them in turn at each look
        Assert.Equal(2, _probe.Tried.Skip(2).Distinct().Count());

        _probe.Lost.Remove(Web.Workload.Uid);
        Assert.True(_keeper.Look() || _keeper.Look());
        Assert.Null(Find(Web));
        Assert.NotNull(Find(Db));
    }

    [Fact]
    public void WhatCantBeTriedIsNoObstacleAndTriedAgain()
    {
        _probe.Unknown.Add(Web.Workload.Uid);
        Assert.Null(Find(Web));
        _probe.Unknown.Clear();
        _probe.Lost.Add(Web.Workload.Uid);
        Assert.NotNull(Find(Web));
    }

    [Fact]
    public void WhatIsKnownToBeLostStaysSoWhileItCantBeTriedAndIsForgottenWithItsLink()
    {
        _probe.Lost.Add(Web.Workload.Uid);
        Assert.NotNull(Find(Web));
        _probe.Unknown.Add(Web.Workload.Uid);
        Assert.False(_keeper.Look());
        Assert.NotNull(Find(Web));
        _probe.Gone.Add(Web.Workload.Uid);
        Assert.False(_keeper.Look());
        _probe.Gone.Clear();
        _probe.Unknown.Clear();
        _probe.Lost.Clear();
        Assert.Null(Find(Web));
    }

    [Fact]
    public void WhatIsSentIsForAWorkloadOfTheMeshElsewhereOrForAnyThereOrForNobody()
    {
        WorkloadInfo here = TestMesh.Workload("a", "n1", "10.0.0.1"), plain = TestMesh.Workload("b", "n2", "10.0.1.1") with { Enrolled = false }, far = TestMesh.Workload("c", "n2", "10.0.1.2");
        Assert.Equal("10.0.1.2", Destination(here, plain, far));
        Assert.Equal("10.0.1.1", Destination(here, plain));
        Assert.Equal("192.0.0.8", Destination(here));

        static string Destination(params WorkloadInfo[] workloads) => ProbeDestinations.Of(TestMesh.Snapshot(workloads) with { Node = "n1" }).Addresses4[0].ToString();
    }

    [Fact]
    public void ACapturedPodAilsAndIsWellAgain()
    {
        Capture(Web, Db);
        Assert.Null(Find(Web, isCaptured: true));
        Assert.False(_keeper.Look());
        _probe.Lost.UnionWith([Web.Workload.Uid, Db.Workload.Uid]);
        Assert.True(_keeper.Look());
        Assert.NotNull(Find(Web, isCaptured: true));
        Assert.NotNull(Find(Db, isCaptured: true));
        Assert.False(_keeper.Look());
        _probe.Unknown.Add(Web.Workload.Uid);
        Assert.False(_keeper.Look()); // stays as it was
        Assert.NotNull(Find(Web, isCaptured: true));
        _probe.Unknown.Clear();
        _probe.Lost.Clear();
        Assert.True(_keeper.Look());
        Assert.Null(Find(Web, isCaptured: true));
    }

    [Fact]
    public void WhereTheProgramsAreGoneThatIsNotTheNodesDoing()
    {
        Capture(Web);
        Assert.Null(Find(Web, isCaptured: true));
        _probe.WithoutPrograms.Add(Web.Workload.Uid);
        Assert.False(_keeper.Look());
        Assert.Null(Find(Web, isCaptured: true));
    }

    [Fact]
    public void ThoseThatNothingIsKnownOfAreTriedTogether()
    {
        Find(Web);
        LocalEndpoint api = Endpoint("api", 9);
        _probe.Lost.Add(api.Workload.Uid);
        IReadOnlyDictionary<string, string> reasons = _keeper.Find([Web, Db, api], new HashSet<string>(), Nobody);
        Assert.Equal([api.Workload.Uid], reasons.Keys);
        Assert.Equal(["uncaptured web", "uncaptured db api"], _probe.Tried);
    }

    [Fact]
    public void AFamilyThatCantBeTriedHidesNothingOfTheOther()
    {
        _probe.Lost.Add(Web.Workload.Uid);
        Assert.NotNull(Find(Web));
        _probe.Lost.Clear();
        _probe.IPv6 = DeliveryResult.Unknown;
        Assert.True(_keeper.Look());
        Assert.Null(Find(Web));
    }

    [Fact]
    public void AFamilyThatIsLostStaysSoWhileOnlyTheOtherCanBeTried()
    {
        _probe.IPv6 = DeliveryResult.Lost;
        Assert.Contains("(IPv6)", Find(Web), StringComparison.Ordinal);
        _probe.IPv6 = DeliveryResult.Unknown;
        Assert.False(_keeper.Look());
        Assert.Contains("(IPv6)", Find(Web), StringComparison.Ordinal);
    }

    [Fact]
    public void OfAilingPodsEachIsAskedWhetherItsProgramsAreThere()
    {
        Capture(Web, Db);
        Find(Web, isCaptured: true);
        _probe.Lost.Add(Web.Workload.Uid);
        _probe.WithoutPrograms.Add(Db.Workload.Uid);
        Assert.True(_keeper.Look());
        Assert.NotNull(Find(Web, isCaptured: true));
        Assert.Null(Find(Db, isCaptured: true));
    }

    [Fact]
    public void OfOneWhoseProbesAPolicyRefusesOthersTellUntilOneArrives()
    {
        _probe.Unknown.Add(Db.Workload.Uid);
        _probe.Lost.Add(Web.Workload.Uid);
        Assert.Null(Find(Db));
        Assert.NotNull(Find(Web));
        Assert.Contains("at links of other pods does not reach the proxy (IPv4)", Find(Db), StringComparison.Ordinal);
        Assert.Null(Find(Db, isCaptured: true));

        _probe.Lost.Clear();
        Assert.True(_keeper.Look());
        Assert.Null(Find(Web));
        Assert.Null(Find(Db));
    }

    [Fact]
    public void OneThatIsCapturedAndWhoseProbesAPolicyRefusesAilsWithTheOthers()
    {
        Capture(Web, Db);
        _keeper.Find([Web, Db], new HashSet<string> { Web.Workload.Uid, Db.Workload.Uid }, Nobody);
        _probe.Unknown.Add(Db.Workload.Uid);
        _probe.Lost.Add(Web.Workload.Uid);
        Assert.True(_keeper.Look());
        Assert.Contains("at links of other pods", Find(Db, isCaptured: true), StringComparison.Ordinal);
        Assert.False(_keeper.Look());

        _probe.Lost.Clear();
        Assert.True(_keeper.Look());
        Assert.Null(Find(Db, isCaptured: true));
        Assert.Null(Find(Web, isCaptured: true));
    }

    [Fact]
    public void WhyItCantBeTriedIsSaidUntilItCan()
    {
        Assert.Null(_keeper.Failure);
        _probe.Failure = new IOException("the table of connections is nearly full");
        Find(Web);
        Assert.Equal("the table of connections is nearly full", _keeper.Failure);
        _probe.Failure = null;
        _probe.Doubt = "others send datagrams";
        Find(Web);
        Assert.Equal("others send datagrams", _keeper.Failure);
        _probe.Doubt = null;
        Find(Db);
        Assert.Null(_keeper.Failure);
        Assert.Equal("no such program", new DeliveryKeeper(null, new LostDeliveries(_folder, NullLogger.Instance), _state, NullLogger.Instance, "no such program").Failure);
    }

    [Fact]
    public void OneThatArrivesSaysThatTheNodeLosesNotAll()
    {
        _probe.Unknown.Add(Db.Workload.Uid);
        _probe.Lost.Add(Web.Workload.Uid);
        Find(Web);
        Find(Endpoint("api", 9));
        Assert.Null(Find(Db));
    }

    [Fact]
    public void WhatHasArrivedFromALinkThatIsNoMoreSaysNothing()
    {
        Find(Web);
        LocalEndpoint anew = Web with { Index = 9 };
        Capture(anew, Db);
        _probe.Unknown.Add(Web.Workload.Uid);
        _probe.Lost.Add(Db.Workload.Uid);
        Find(anew, isCaptured: true);
        Assert.True(_keeper.Look());
        Assert.Contains("at links of other pods", Find(anew, isCaptured: true), StringComparison.Ordinal);
    }

    [Fact]
    public void NorDoesWhatHasArrivedOfOneThatIsCapturedInsideMeanwhile()
    {
        Find(Web);
        Capture(Web with { Inside = new PodNamespace(1, "/run/netns/web", 1, "eth0", 2, 1500, "another engine is at its link") });
        Find(Db);
        _probe.Lost.Add(Db.Workload.Uid);
        _keeper.Look();
        Assert.NotNull(Find(Db with { Index = 9 }));
        LocalEndpoint api = Endpoint("api", 10);
        _probe.Unknown.Add(api.Workload.Uid);
        Assert.Contains("at links of other pods", Find(api), StringComparison.Ordinal);
    }

    [Fact]
    public void WhyItCantBeTriedIsNotSaidWhenNothingIsLeftToTry()
    {
        _probe.Doubt = "others send datagrams";
        Find(Web);
        Assert.NotNull(_keeper.Failure);
        Assert.False(_keeper.Look());
        Assert.Null(_keeper.Failure);
    }

    [Fact]
    public void AnotherAddressOrLinkIsTriedAnew()
    {
        Find(Web);
        Find(Web with { Index = 9 });
        Find(Web with { Workload = Web.Workload with { Addresses = [System.Net.IPAddress.Parse("10.0.0.9")] } });
        Assert.Equal(3, _probe.Tried.Count);
    }

    [Fact]
    public void WhatIsLostFromAnotherAddressIsNewsToo()
    {
        Capture(Web);
        _probe.Lost.Add(Web.Workload.Uid);
        Find(Web, isCaptured: true);
        Assert.True(_keeper.Look());
        LocalEndpoint moved = Web with { Workload = Web.Workload with { Addresses = [System.Net.IPAddress.Parse("10.0.0.9")] } };
        Capture(moved);
        Assert.Null(Find(moved, isCaptured: true));
        Assert.True(_keeper.Look());
        Assert.NotNull(Find(moved, isCaptured: true));
    }

    [Fact]
    public void WhatTheKernelRefusesIsNoObstacle()
    {
        _probe.Failure = new IOException("no room for another program");
        Assert.Null(Find(Web));
        _probe.Failure = null;
        _probe.Lost.Add(Web.Workload.Uid);
        Assert.NotNull(Find(Web));
    }

    [Fact]
    public void WhatWasLostIsKnownToTheNextAgentWhileItCantBeTried()
    {
        _probe.Lost.Add(Web.Workload.Uid);
        Assert.NotNull(Find(Web));

        _keeper = Start();
        _probe.Failure = new IOException("the table of connections is nearly full");
        Assert.Contains("(IPv4)", Find(Web), StringComparison.Ordinal);
        Assert.Contains("of other pods", Find(Db), StringComparison.Ordinal);
        Assert.False(_keeper.Look());

        _probe.Failure = null;
        _probe.Lost.Clear();
        Assert.True(_keeper.Look());
        Assert.Null(Find(Web));

        _keeper = Start();
        _probe.Failure = new IOException("the table of connections is nearly full");
        Assert.Null(Find(Web));
    }

    [Fact]
    public void ATryTellsMoreThanAnAgentBeforeIt()
    {
        _probe.Lost.Add(Web.Workload.Uid);
        Assert.NotNull(Find(Web));
        _keeper = Start();
        _probe.Lost.Clear();
        Assert.Null(Find(Web));
        _keeper = Start();
        _probe.Failure = new IOException("the table of connections is nearly full");
        Assert.Null(Find(Web));
    }

    [Fact]
    public void WhatAnAgentBeforeHasFoundEndsWhenOneOfTheAilingArrives()
    {
        _probe.Lost.UnionWith([Web.Workload.Uid, Db.Workload.Uid]);
        _keeper.Find([Web, Db], new HashSet<string>(), Nobody);
        _keeper = Start();
        _probe.Lost.Clear();
        _probe.Unknown.Add(Db.Workload.Uid);
        Assert.Equal([Db.Workload.Uid], _keeper.Find([Web, Db], new HashSet<string>(), Nobody).Keys);
        _probe.Unknown.Clear();
        Assert.True(_keeper.Look());
        _probe.Unknown.Add(Db.Workload.Uid);
        Assert.Null(Find(Db));
    }

    [Fact]
    public void OneThatIsCapturedIsStillAilingAfterARestart()
    {
        Capture(Web);
        Find(Web, isCaptured: true);
        _probe.Lost.Add(Web.Workload.Uid);
        Assert.True(_keeper.Look());
        _keeper = Start();
        Assert.NotNull(Find(Web, isCaptured: true));
    }

    [Theory]
    [InlineData("ld\n")]
    [InlineData("x- 7 10.0.0.7 web\n")]
    [InlineData("l 7 10.0.0.7 web\n")]
    [InlineData("l- 7 10.0.0.7 web\nl- 7 10.0.0.7 web\n")]
    public void AFileThatIsNoneIsPassedOver(string content)
    {
        StateFile.Write(Path.Combine(_folder, "undelivered"), System.Text.Encoding.UTF8.GetBytes(content));
        _keeper = Start();
        Assert.Null(Find(Web));
        _probe.Lost.Add(Db.Workload.Uid);
        Assert.NotNull(Find(Db));
    }

    private DeliveryKeeper Start() => new(_probe, new LostDeliveries(_folder, NullLogger.Instance), _state, NullLogger.Instance);

    private string? Find(LocalEndpoint pod, bool isCaptured = false) => _keeper.Find([pod], isCaptured ? new HashSet<string> { pod.Workload.Uid } : [], Nobody).GetValueOrDefault(pod.Workload.Uid);

    private void Capture(params LocalEndpoint[] pods) => _state.Current = new DatapathInForce { Endpoints = [.. pods] };

    private static LocalEndpoint Endpoint(string name, int index) =>
        new(TestMesh.Workload(name, "n1", $"10.0.0.{index}"), $"veth{index}", index, 1500, [.. new byte[6]], [.. new byte[6]]);

    private sealed class ScriptedProbe : IDeliveryProbe
    {
        internal HashSet<string> Lost { get; } = [];

        internal HashSet<string> Unknown { get; } = [];

        internal HashSet<string> Gone { get; } = [];

        internal HashSet<string> WithoutPrograms { get; } = [];

        internal List<string> Tried { get; } = [];

        internal IOException? Failure { get; set; }

        public string? Doubt { get; set; }

        public IReadOnlyList<DeliveryFinding> TryCaptured(IReadOnlyList<LocalEndpoint> pods, ProbeDestinations to)
        {
            if (Failure is { } failure) throw failure;
            return [.. pods.Select(p => Of(p, Lost.Contains(p.Workload.Uid) || WithoutPrograms.Contains(p.Workload.Uid)))];
        }

        public IReadOnlyList<DeliveryFinding> TryUncaptured(IReadOnlyList<LocalEndpoint> pods, ProbeDestinations to)
        {
            if (Failure is { } failure) throw failure;
            Tried.Add($"uncaptured {string.Join(" ", pods.Select(p => p.Workload.Uid.Split('/')[^1]))}");
            return [.. pods.Select(p => Of(p, Lost.Contains(p.Workload.Uid)))];
        }

        private DeliveryFinding Of(LocalEndpoint pod, bool isLost) =>
            Gone.Contains(pod.Workload.Uid) ? DeliveryFinding.Gone : Unknown.Contains(pod.Workload.Uid) ? default : new DeliveryFinding(isLost ? DeliveryResult.Lost : DeliveryResult.Delivered, IPv6);

        internal DeliveryResult IPv6 { get; set; }
    }
}

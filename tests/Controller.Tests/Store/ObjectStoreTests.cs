using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Controller.Sources;
using Culvert.Controller.Sources.Folder;
using Culvert.Controller.Statuses;
using Culvert.Controller.Store;
using Culvert.Core;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Controller.Tests;

public sealed class ObjectStoreTests
{
    private static readonly ObjectKey Web = new(ObjectKind.Workload, "shop", "web");
    private readonly ApiStatuses _statuses = new();
    private readonly ObjectStore _store;
    private readonly List<ObjectSetChange> _changes = [];

    public ObjectStoreTests()
    {
        _store = new("api", _statuses, NullLogger.Instance, ObjectSet.Empty);
        _store.Changed += _changes.Add;
    }

    [Fact]
    public void NothingComesIntoForceBeforeEveryKindWasListed()
    {
        ApiObjects api = Api("Workload", "AuthorizationPolicy");
        _ = api.Put("Workload", "web", Spec("10.0.0.1"));
        _ = api.Put("AuthorizationPolicy", "deny", "{\"action\": \"DENY\", \"rules\": [{}]}");
        api.List("Workload");
        api.Watch(api.Put("Workload", "api", Spec("10.0.0.2")));
        Assert.False(_store.Current.IsRead);
        Assert.Empty(_store.Current.Objects);
        Assert.Empty(_changes);

        api.List("AuthorizationPolicy");
        Assert.True(_store.Current.IsRead);
        Assert.Equal(3, _store.Current.Objects.Count);
        Assert.Equal(3, Assert.Single(_changes).Keys.Count);
    }

    [Fact]
    public void ALossOfEventsIsMadeGoodByListingAnewAndOnlyWhatHasChangedIsLookedAt()
    {
        ApiObjects api = Api("Workload");
        for (int i = 0; i < 100; i++) _ = api.Put("Workload", $"w{i}", Spec($"10.0.1.{i}"));
        api.List("Workload");
        MeshObject unchanged = _store.Current.Objects[Web with { Name = "w7" }];
        _changes.Clear();

        // Nobody tells of these: the watch has ended with 410 Gone.
        _ = api.Put("Workload", "w1", Spec("10.0.2.1"));
        _ = api.Delete("Workload", "w2");
        _ = api.Put("Workload", "web", Spec("10.0.0.1"));
        api.List("Workload");

        Assert.Equal(["w1", "w2", "web"], Assert.Single(_changes).Keys.Select(k => k.Name).Order(StringComparer.Ordinal));
        Assert.Same(unchanged, _store.Current.Objects[Web with { Name = "w7" }]);
        Assert.Equal(100, _store.Current.Objects.Count);
        Assert.Equal("101", Assert.IsType<ApiOrigin>(_store.Current.Objects[Web with { Name = "w1" }].Meta.Origin).ResourceVersion);
    }

    [Fact]
    public void AnObjectThatIsWrongKeepsItsLastGoodVersionAndGoesOnlyWhenItIsDeleted()
    {
        ApiObjects api = Api("Workload");
        _ = api.Put("Workload", "web", Spec("10.0.0.1"));
        api.List("Workload");
        api.Watch(api.Put("Workload", "web", Spec("nonsense")));
        Assert.Equal("10.0.0.1", Address(Web));
        SourceError error = Assert.Single(_store.Current.Errors);
        Assert.Equal("apis/Workload/web: Workload shop/web: spec.addresses[0]: 'nonsense' is not an IP address", error.ToString());
        Assert.Equal(InForceInstead.LastGood, _store.Current.Instead(error));
        api.Watch(api.Delete("Workload", "web"));
        Assert.Empty(_store.Current.Objects);
        Assert.Empty(_store.Current.Errors);
    }

    [Fact]
    public void ASourceThatCanNotBeReadTakesNothingAway()
    {
        ApiObjects api = Api("Workload");
        _ = api.Put("Workload", "web", Spec("10.0.0.1"));
        api.List("Workload");
        ObjectSet before = _store.Current;
        _store.Apply(ObjectBatch.Failed(new("api", 0, "", "", "does not answer")));
        Assert.Same(before.Objects, _store.Current.Objects);
        Assert.Equal("api: does not answer", Assert.Single(_store.Current.Errors).ToString());
        api.Watch();
        Assert.Empty(_store.Current.Errors);
    }

    [Fact]
    public void AnObjectThatGivesAnAddressUpLetsTheOneThatWaitsForItHaveIt()
    {
        ApiObjects api = Api("Workload");
        _ = api.Put("Workload", "web", Spec("10.0.0.1"));
        api.List("Workload");
        api.Watch(api.Put("Workload", "new", Spec("10.0.0.1")));
        Assert.Contains("belongs to Workload shop/web already", Assert.Single(_store.Current.Errors).Reason, StringComparison.Ordinal);
        api.Watch(api.Put("Workload", "web", Spec("10.0.0.2")));
        Assert.Empty(_store.Current.Errors);
        Assert.Equal(("10.0.0.2", "10.0.0.1"), (Address(Web), Address(Web with { Name = "new" })));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void WhereThereAreTenantsWorkloadsCountOfTheNamespacesThatTheMeshConfigNames()
    {
        ObjectStore store = new("api", _statuses, NullLogger.Instance, ObjectSet.Empty, hasTenants: true);
        ApiObjects api = new(_statuses, ["MeshConfig", "Workload"]);
        api.Start(store);
        _ = api.Put("MeshConfig", "default", "{}");
        _ = api.Put("Workload", "web", Spec("10.0.0.1"));
        api.List("MeshConfig");
        api.List("Workload");
        Assert.False(store.Current.Objects.ContainsKey(Web));
        Assert.StartsWith("2 Rejected Workloads of namespace 'shop' do not count: ", _statuses.Written["apis/Workload/web"], StringComparison.Ordinal);

        api.Watch(api.Put("MeshConfig", "default", "{\"workloadNamespaces\": [\"machines\", \"shop\"]}"));
        Assert.True(store.Current.Objects.ContainsKey(Web));
        Assert.Equal("2 Accepted", _statuses.Written["apis/Workload/web"]);

        // What was in force by leave does not stay without.
        api.Watch(api.Put("MeshConfig", "default", "{\"workloadNamespaces\": [\"machines\"]}"), api.Put("Workload", "web", Spec("10.0.0.2")));
        Assert.False(store.Current.Objects.ContainsKey(Web));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void APodHasItsAddressesAlsoWhereAWorkloadHasClaimedThemBefore()
    {
        MeshObject claiming = Workload("claims", isPod: false), pod = Workload("pod", isPod: true);
        ObjectSet before = ObjectSet.Empty with { Objects = ObjectSet.Empty.Objects.Add(claiming.Key, claiming) };
        Dictionary<ObjectKey, SourceError> errors = [];
        Assert.Equal([pod.Key], ObjectConflicts.Resolve([claiming, pod], before, _ => false, errors).Keys);
        Assert.Equal([claiming.Key], errors.Keys);

        static WorkloadObject Workload(string name, bool isPod) =>
            new(new ObjectMeta { Name = name, Namespace = "shop", Origin = new ApiOrigin($"apis/{name}", "1") }) { Node = "n1", Addresses = [System.Net.IPAddress.Parse("10.0.0.1")], IsPod = isPod };
    }

    [Fact]
    public void EachObjectIsToldWhatHasBecomeOfTheVersionThatWasRead()
    {
        ApiObjects api = Api("Workload");
        _ = api.Put("Workload", "web", Spec("10.0.0.1"));
        _ = api.Put("Workload", "bad", Spec("nonsense"));
        _ = api.Put("Workload", "other", Spec("10.0.0.1"));
        api.List("Workload");
        Assert.Equal(("1 Rejected 10.0.0.1 belongs to Workload shop/other already", "2 Rejected 'nonsense' is not an IP address", "3 Accepted"), (Status("web"), Status("bad"), Status("other")));

        api.Watch(api.Put("Workload", "other", Spec("10.0.0.300")));
        Assert.Equal("4 LastGoodKept '10.0.0.300' is not an IP address", Status("other"));
        api.Watch(api.Put("Workload", "other", Spec("10.0.0.3")), api.Put("Workload", "bad", Spec("10.0.0.4")));
        Assert.Equal(("1 Accepted", "6 Accepted", "5 Accepted"), (Status("web"), Status("bad"), Status("other")));

        // What has not changed is not written again: a status is a write at the server, and an event for everybody who watches.
        int writes = _statuses.Writes;
        api.List("Workload");
        api.Watch(api.Delete("Workload", "bad"));
        Assert.Equal(writes, _statuses.Writes);
        Assert.False(_statuses.Written.ContainsKey("apis/Workload/bad"));

        string Status(string name) => _statuses.Written[$"apis/Workload/{name}"];
    }

    [Fact]
    public void ABugInWhatListensLosesNothing()
    {
        ApiObjects api = Api("Workload");
        _ = api.Put("Workload", "web", Spec("10.0.0.1"));
        api.List("Workload");
        Action<ObjectSetChange> bug = _ => throw new InvalidOperationException("a bug");
        _store.Changed += bug;
        ObjectChange added = api.Put("Workload", "api", Spec("10.0.0.2"));
        Assert.Throws<InvalidOperationException>(() => api.Watch(added));
        _store.Changed -= bug;
        _changes.Clear();
        api.List("Workload");
        Assert.Equal(2, Assert.Single(_changes).After.Objects.Count);
        api.Watch(api.Delete("Workload", "web"));
        Assert.Equal(["api"], _store.Current.Objects.Keys.Select(k => k.Name));
    }

    [Fact]
    public void AListOfOnePlaceTakesNothingAwayOfOthersWhoseNamesBeginAsItsDoes()
    {
        string[] places = ["namespaces/shop", "namespaces/shop/web.yaml", "namespaces/shop-2", "namespaces/shop-2/web.yaml", "namespaces/shop.yaml"];
        _store.Apply(new([.. new FolderDeclarations().Update([.. places.Select((p, i) => new SourceFile(p, Objects.Workload($"w{i}", $"10.0.0.{i + 1}")))])]) { IsSynced = true });
        _store.Apply(new([]) { Replaces = "namespaces/shop", IsSynced = true });
        Assert.Equal(["w2", "w3", "w4"], _store.Current.Objects.Keys.Select(k => k.Name).Order(StringComparer.Ordinal));
        _store.Apply(new([]) { Replaces = "namespaces/shop.yaml", IsSynced = true });
        Assert.Equal(["w2", "w3"], _store.Current.Objects.Keys.Select(k => k.Name).Order(StringComparer.Ordinal));
        Assert.Throws<ArgumentException>(() => new ObjectBatch([]) { Replaces = "namespaces/" });
    }

    /// <summary>A declaration goes in a batch in which something else fails: the source tells all anew, and nothing of what is gone remains.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void WhatWentWhileDecidingFailedIsNotCountedForGood(bool inSink)
    {
        FolderStatus status = new();
        FailingStatuses sink = new(status);
        ObjectStore store = new("folder", sink, NullLogger.Instance, ObjectSet.Empty);
        FolderDeclarations declarations = new();
        store.Apply(new([.. declarations.Update([new("bad.yaml", Objects.Workload("bad", "nonsense")), new("web.yaml", Objects.Workload("web", "10.0.0.1"))])]) { IsSynced = true });
        Assert.Equal(1, status.Summary?.Rejected);

        IReadOnlyList<ObjectChange> changes = declarations.Update([new("web.yaml", Objects.Workload("web", "10.0.0.2"))]);
        sink.Fails = inSink;
        if (!inSink) changes = [.. changes, ABug(store.Current.Objects[Web])];
        Assert.ThrowsAny<Exception>(() => store.Apply(new([.. changes]) { IsSynced = true }));
        sink.Fails = false;
        store.Apply(new([.. declarations.All()]) { Replaces = "", IsSynced = true });
        Assert.Equal("10.0.0.2", ((WorkloadObject)store.Current.Objects[Web]).Addresses[0].ToString());
        Assert.Equal(0, status.Summary?.Rejected);

        // A MeshConfig that is none: nothing that decides about it expects that.
        static ObjectChange ABug(MeshObject other) =>
            ObjectChange.Declared(Assert.Single(Declaration.Number([new(MeshConfigKeeper.Key, other, new FileOrigin("mesh.yaml", 1), [])])));
    }

    /// <summary>Whatever comes after what, the store decides as one does that is told everything at once, with what is in force as its last good.</summary>
    [Fact]
    public void AnySequenceOfChangesEndsAsIfEverythingHadBeenToldAtOnce()
    {
        for (int seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            FolderStatus status = new();
            ObjectStore store = new("folder", status, NullLogger.Instance, ObjectSet.Empty);
            FolderDeclarations declarations = new();
            SortedDictionary<string, SourceFile> files = new(StringComparer.Ordinal);
            for (int step = 0; step < 40; step++)
            {
                for (int n = 1 + random.Next(3); n > 0; n--) Edit(files, random);
                ObjectSet before = store.Current;
                ObjectSet expected = ObjectSetReader.Read(files.Values, before);
                store.Apply(new([.. declarations.Update([.. files.Values])]) { IsSynced = true });
                ObjectSet actual = store.Current;
                string where = $"seed {seed}, step {step}";
                Assert.True(expected.Errors.SequenceEqual(actual.Errors), $"{where}:\n{string.Join('\n', expected.Errors)}\nand not\n{string.Join('\n', actual.Errors)}");
                Assert.Equal(expected.Mesh, actual.Mesh);
                Assert.Equal(Text(expected), Text(actual));
                Assert.Equal(expected.Warnings, actual.Warnings);
                Assert.Equal(SummaryOf(files.Values, before), status.Summary);
            }
        }
    }

    private ApiObjects Api(params string[] kinds)
    {
        ApiObjects api = new(_statuses, kinds);
        api.Start(_store);
        return api;
    }

    private static StatusSummary? SummaryOf(IEnumerable<SourceFile> files, ObjectSet before)
    {
        FolderStatus status = new();
        new ObjectStore("folder", status, NullLogger.Instance, before with { IsRead = false }).Apply(new([.. new FolderDeclarations().Update([.. files])]) { IsSynced = true });
        return status.Summary;
    }

    private static void Edit(SortedDictionary<string, SourceFile> files, Random random)
    {
        string name = $"f{random.Next(4)}.yaml";
        if (random.Next(8) == 0) files.Remove(name);
        else if (random.Next(10) == 0) files[name] = new(name, null, "can't be read");
        else files[name] = new(name, string.Concat(Enumerable.Range(0, random.Next(5)).Select(_ => Document(random))));
    }

    private static string Document(Random random) => random.Next(12) switch
    {
        0 => "kind: [\n---\n",
        1 => "apiVersion: culvert.dev/v1alpha1\nkind: MeshConfig\nmetadata: {name: default}\nspec: {}\n---\n",
        2 => "apiVersion: culvert.dev/v1alpha1\nkind: MeshConfig\nmetadata: {name: default}\nspec: {defaultAction: MAYBE}\n---\n",
        3 => $"apiVersion: v1\nkind: Service\nmetadata: {{name: s{random.Next(3)}, namespace: shop}}\nspec: {{clusterIP: 10.0.0.{random.Next(1, 5)}, ports: [{{port: 80}}]}}\n---\n",
        4 => Objects.Policy($"p{random.Next(3)}", $"w{random.Next(4)}"),
        5 => Objects.Workload($"w{random.Next(4)}", "nonsense"),
        _ => Objects.Workload($"w{random.Next(4)}", $"10.0.0.{random.Next(1, 5)}"),
    };

    private static string Text(ObjectSet set) => string.Join('\n', set.Objects.Values
        .Select(o => $"{o.Key} {o.Meta.Origin} {string.Join(',', (o as WorkloadObject)?.Addresses ?? (o as ServiceObject)?.ClusterIps ?? [])}").Order(StringComparer.Ordinal));

    private static string Spec(string address) => $"{{\"node\": \"node-1\", \"addresses\": [\"{address}\"]}}";

    private string Address(ObjectKey key) => ((WorkloadObject)_store.Current.Objects[key]).Addresses[0].ToString();
}

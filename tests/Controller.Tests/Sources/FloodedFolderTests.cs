using System.Collections.Concurrent;
using System.Collections.Immutable;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Controller.Sources;
using Culvert.Controller.Sources.Folder;
using Culvert.Controller.Store;
using Culvert.Core;
using Culvert.Tests.Shared;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Tests;

/// <summary>Files that are as expensive to take up as their size allows: the work grows with the size and no faster, and little of it is told.</summary>
[Trait("Category", "Attack")]
public sealed class FloodedFolderTests : IDisposable
{
    // Where the work grew with the square these took minutes.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly ObjectKey Shop = new(ObjectKind.Namespace, "", "shop");
    private readonly TempFolder _folder = new();
    private readonly ConcurrentQueue<string> _log = new();
    private readonly ILoggerFactory _loggers;

    public FloodedFolderTests() => _loggers = LoggerFactory.Create(l => l.AddProvider(new LineLogger(_log, LogLevel.Information)));

    public void Dispose()
    {
        _loggers.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task AnObjectThatIsDeclaredVeryManyTimesCostsTimeInProportion()
    {
        const int Times = 150_000;
        ObjectStore store = new("test", new FolderStatus(), _loggers.CreateLogger<ObjectStore>(), ObjectSet.Empty);
        Declaration[] same = [.. Declaration.Number(Enumerable.Range(1, Times).Select(Declared))];
        await InTimeAsync(() => store.Apply(new([.. same.Select(ObjectChange.Declared)]) { IsSynced = true }));
        Assert.Equal(SourceError.MostOfAPlace + 1, store.Current.Errors.Length);
        Assert.Equal($"shop.yaml: {Times - 1 - SourceError.MostOfAPlace} more, which are not listed", store.Current.Errors[^1].ToString());
        Assert.Equal(1, store.Current.Objects[Shop].Meta.Origin.Line);
        await InTimeAsync(() => store.Apply(new([.. same.Select(d => ObjectChange.Removed(d.Key))]) { IsSynced = true }));
        Assert.Empty(store.Current.Errors);
        Assert.Empty(store.Current.Objects);
        Assert.InRange(_log.Count, 1, (2 * (SourceError.MostOfAPlace + 1)) + 2);

        static ReadObject Declared(int line)
        {
            FileOrigin origin = new("shop.yaml", line);
            return new(Shop, new NamespaceObject(new() { Name = "shop", Origin = origin }), origin, []);
        }
    }

    [Fact]
    public async Task AFileWithTooManyObjectsIsRefusedAsAWholeAndWhatCameFromItStays()
    {
        await using WatchedFolder source = new(_folder.Path, _loggers.CreateLogger<ObjectStore>());
        _folder.Write("shop.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n");
        source.Start();
        Assert.Contains(Shop, source.Current.Objects.Keys);
        TaskCompletionSource<ObjectSet> refused = new(TaskCreationOptions.RunContinuationsAsynchronously);
        source.Store.Changed += change => refused.TrySetResult(change.After);
        _folder.Replace("shop.yaml", string.Concat(Enumerable.Repeat("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n", 250_000)));
        ObjectSet after = await refused.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.Equal($"shop.yaml: holds more than {FolderDeclarations.MostObjects} objects; split it", Assert.Single(after.Errors).ToString());
        Assert.Contains(Shop, after.Objects.Keys);
        Assert.Equal(InForceInstead.LastGood, after.Instead(after.Errors[0]));
    }

    [Fact]
    public void ErrorsOfOneObjectAreToldInPart()
    {
        const int Fields = 100_000;
        string text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n" + string.Concat(Enumerable.Range(0, Fields).Select(i => $"unknown{i}: 1\n"));
        ImmutableArray<SourceError> errors = ObjectSetReader.Read([new("shop.yaml", text)], ObjectSet.Empty).Errors;
        Assert.Equal(SourceError.MostOfAPlace, errors.Length);
        Assert.Equal("shop.yaml:4: Namespace shop: unknown0: unknown field; known are apiVersion, kind, metadata, spec, status", errors[0].ToString());
        Assert.Equal($"{Fields - SourceError.MostOfAPlace + 1} more errors of this object, which are not listed", errors[^1].Reason);
    }

    [Fact]
    public void AnErrorQuotesALongTextInPart()
    {
        SourceError error = Assert.Single(ObjectSetReader.Read([new("shop.json", $"{{\"apiVersion\": \"v1\", \"kind\": \"Namespace\", \"metadata\": {{\"name\": \"shop\"}}, \"{new string('y', 1_000_000)}\": 1}}")], ObjectSet.Empty).Errors);
        Assert.InRange(error.ToString().Length, 1000, 2500);
    }

    [Fact]
    public async Task PortsThatAreListedVeryOftenCostTimeInProportion()
    {
        string ports = string.Join(", ", Enumerable.Range(0, 1_000_000).Select(i => $"\"{(i % 65_535) + 1}/{(i / 65_535 % 2 == 0 ? "tcp" : "udp")}\""));
        string text = $"{{\"apiVersion\": \"culvert.dev/v1alpha1\", \"kind\": \"Workload\", \"metadata\": {{\"name\": \"web\"}}, "
            + $"\"spec\": {{\"node\": \"node-1\", \"addresses\": [\"10.0.0.1\"], \"proxyProtocol\": {{\"version\": \"v2\", \"ports\": [{ports}]}}}}}}";
        ImmutableArray<SourceError> errors = [];
        await InTimeAsync(() => errors = ObjectSetReader.Read([new("web.json", text)], ObjectSet.Empty).Errors);
        Assert.Equal(SourceError.MostOfAPlace, errors.Length);
        Assert.Equal("web.json:1: Workload default/web: spec.proxyProtocol.ports[131070]: port 1/tcp is there twice", errors[0].ToString());
    }

    [Fact]
    public async Task ComparingManyErrorsCostsTimeInProportion()
    {
        const int Count = 100_000;
        SourceError[] before = [.. Enumerable.Range(0, Count).Select(i => new SourceError("a.yaml", i, "", "", $"wrong {i}"))];
        SourceError[] after = [.. Enumerable.Range(1, Count).Select(i => new SourceError("a.yaml", i + 7, "", "", $"wrong {i}"))];
        SourceErrorChanges? changes = null;
        await InTimeAsync(() => changes = SourceErrorChanges.Between(before, after));
        Assert.Equal("wrong 0", Assert.Single(changes!.Gone).Reason);
        Assert.Equal($"wrong {Count}", Assert.Single(changes.New).Reason);
    }

    private static Task InTimeAsync(Action work) => Task.Run(work, TestContext.Current.CancellationToken).WaitAsync(Patience, TestContext.Current.CancellationToken);
}

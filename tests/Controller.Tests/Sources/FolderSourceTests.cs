using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Net.Sockets;
using System.Threading.Channels;
using Culvert.Controller.Compilation;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Controller.Sources.Folder;
using Culvert.Controller.Store;
using Culvert.Core;
using Culvert.Tests.Shared;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Controller.Tests;

/// <summary>With real files and the real watch.</summary>
public sealed class FolderSourceTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly ObjectKey Web = new(ObjectKind.Workload, "default", "web");
    private readonly TempFolder _folder = new();
    private readonly Channel<ObjectSet> _changes = Channel.CreateUnbounded<ObjectSet>();
    private WatchedFolder? _source;

    [Fact]
    public async Task EditsAreSeen()
    {
        _folder.Write("web.yaml", ObjectSetReaderTests.Workload("web", "10.0.0.1"));
        WatchedFolder source = Start();
        Assert.Equal("10.0.0.1", Address(source.Current));
        _folder.Write("web.yaml", ObjectSetReaderTests.Workload("web", "10.0.0.2"));
        Assert.Equal("10.0.0.2", Address(await NextAsync(s => Address(s) == "10.0.0.2")));
    }

    [Fact]
    public async Task AtomicRenamesNewSubfoldersAndDeletionsAreSeen()
    {
        WatchedFolder source = Start();
        Assert.Empty(source.Current.Objects);
        _folder.Replace("web.yaml", ObjectSetReaderTests.Workload("web", "10.0.0.1"));
        await NextAsync(s => Address(s) == "10.0.0.1");
        _folder.Replace("web.yaml", ObjectSetReaderTests.Workload("web", "10.0.0.2"));
        await NextAsync(s => Address(s) == "10.0.0.2");
        _folder.Write("sub/deeper/api.yml", ObjectSetReaderTests.Workload("api", "10.0.0.3"));
        await NextAsync(s => s.Objects.Count == 2);
        File.Delete(_folder.File("web.yaml"));
        await NextAsync(s => s.Objects.Count == 1 && Address(s) is null);
    }

    [Fact]
    public async Task InvalidEditKeepsTheLastGoodVersionUntilItIsMended()
    {
        _folder.Write("web.yaml", ObjectSetReaderTests.Workload("web", "10.0.0.1"));
        Start();
        _folder.Replace("web.yaml", ObjectSetReaderTests.Workload("web", "nonsense"));
        ObjectSet broken = await NextAsync(s => s.Errors.Length == 1);
        Assert.Equal("10.0.0.1", Address(broken));
        _folder.Replace("web.yaml", ObjectSetReaderTests.Workload("web", "10.0.0.5"));
        ObjectSet mended = await NextAsync(s => s.Errors.IsEmpty);
        Assert.Equal("10.0.0.5", Address(mended));
    }

    [Fact]
    public async Task MountedConfigMapsAreFollowed()
    {
        // As the kubelet does: files link into ..data, which links to a folder per version and is replaced by a rename.
        Version("..1", "10.0.0.1");
        File.CreateSymbolicLink(_folder.File("web.yaml"), "..data/web.yaml");
        WatchedFolder source = Start();
        Assert.Equal("10.0.0.1", Address(source.Current));
        Version("..2", "10.0.0.2");
        await NextAsync(s => Address(s) == "10.0.0.2");

        void Version(string name, string address)
        {
            _folder.Write($"{name}/web.yaml", ObjectSetReaderTests.Workload("web", address));
            File.CreateSymbolicLink(_folder.File("..data_tmp"), name);
            using Process move = Process.Start("mv", ["-T", _folder.File("..data_tmp"), _folder.File("..data")]);
            move.WaitForExit();
            Assert.Equal(0, move.ExitCode);
        }
    }

    [Fact]
    public async Task FolderThatGoesKeepsWhatIsInForceAndMayComeBack()
    {
        string inner = _folder.File("objects");
        _folder.Write("objects/web.yaml", ObjectSetReaderTests.Workload("web", "10.0.0.1"));
        Start(inner);
        Directory.Delete(inner, recursive: true);
        ObjectSet gone = await NextAsync(s => s.Errors.Any(e => e.Reason.Contains("can't be read", StringComparison.Ordinal)) || s.Objects.IsEmpty);
        _folder.Write("objects/web.yaml", ObjectSetReaderTests.Workload("web", "10.0.0.2"));
        await NextAsync(s => Address(s) == "10.0.0.2");
        Assert.NotNull(gone);
    }

    [Fact]
    public async Task FolderThatIsNotThereYetIsNotAnEmptyOne()
    {
        string inner = _folder.File("objects");
        WatchedFolder source = Start(inner);
        Assert.False(source.Current.IsRead);
        Assert.Contains("can't be read", Assert.Single(source.Current.Errors).Reason, StringComparison.Ordinal);
        Directory.CreateDirectory(inner);
        ObjectSet read = await NextAsync(s => s.IsRead);
        Assert.Empty(read.Errors);
    }

    [Fact]
    public async Task RestartKeepsTheLastGoodVersionOfWhatIsBrokenNow()
    {
        _folder.Write("objects/web.yaml", "# a comment\n---\n" + ObjectSetReaderTests.Workload("web", "10.0.0.1"));
        _folder.Write("objects/api.yaml", ObjectSetReaderTests.Workload("api", "10.0.0.2"));
        await using (Open()) await Task.CompletedTask;
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_folder.File("objects.json")));
        _folder.Write("objects/web.yaml", ObjectSetReaderTests.Workload("web", "nonsense"));
        File.Delete(_folder.File("objects/api.yaml"));
        for (int restart = 0; restart < 2; restart++)
        {
            await using WatchedFolder source = Open();
            Assert.Equal("10.0.0.1", Address(source.Current));
            Assert.Equal("web.yaml:3", source.Current.Objects[Web].Meta.SourceReference);
            Assert.Single(source.Current.Errors);
            Assert.Single(source.Current.Objects);
        }
    }

    [Theory]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("[null]")]
    [InlineData("[{\"file\":\"a.yaml\"}]")]
    public async Task DamagedLastGoodVersionsAreSetAside(string text)
    {
        _folder.Write("objects.json", text);
        File.SetUnixFileMode(_folder.File("objects.json"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        _folder.Write("objects/web.yaml", ObjectSetReaderTests.Workload("web", "10.0.0.1"));
        await using WatchedFolder source = Open();
        Assert.Equal("10.0.0.1", Address(source.Current));
        Assert.Equal(text, File.ReadAllText(_folder.File("objects.json.corrupt")));
    }

    [Fact]
    public async Task StateFolderThatCanNotBeWrittenStopsNothing()
    {
        _folder.Write("objects/web.yaml", ObjectSetReaderTests.Workload("web", "10.0.0.1"));
        await using WatchedFolder source = Open("absent/objects.json");
        Assert.Equal("10.0.0.1", Address(source.Current));
    }

    [Fact]
    public async Task WhatIsDoubtfulIsLoggedOnceForEachChange()
    {
        ConcurrentQueue<string> log = new();
        using ILoggerFactory loggers = LoggerFactory.Create(l => l.AddProvider(new LineLogger(log)));
        _folder.Write("policy.yaml", Objects.Policy("web", "web"));
        await using WatchedFolder source = new(_folder.Path, loggers.CreateLogger<ObjectStore>());
        source.Store.Changed += change => _changes.Writer.TryWrite(change.After);
        source.Start();
        Assert.Equal("policy.yaml:4: AuthorizationPolicy shop/web: spec.selector: selects nothing: no enrolled workload in namespace shop has the labels app=web", Assert.Single(source.Current.Warnings).ToString());
        _folder.Replace("api.yaml", Objects.Workload("api", "10.0.0.2"));
        await NextAsync(s => s.Objects.Count == 2);
        _folder.Replace("web.yaml", Objects.Workload("web", "10.0.0.1"));
        await NextAsync(s => s.Warnings.IsEmpty);
        File.Delete(_folder.File("web.yaml"));
        await NextAsync(s => s.Warnings.Length == 1);
        Assert.Equal(
            ["In force, but is it meant so? policy.yaml", $"There is no MeshConfig in {_folder.Path}, and there never was", "In force, but is it meant so? policy.yaml"],
            log.Select(l => l.Split(':')[0]));
    }

    [Fact]
    public async Task WhatAFileToldThatCanNotBeReadAnyMoreIsNotCalledMended()
    {
        ConcurrentQueue<string> log = new();
        using ILoggerFactory loggers = LoggerFactory.Create(l => l.AddProvider(new LineLogger(log, LogLevel.Information)));
        _folder.Write("web.yaml", Objects.Workload("web", "nowhere"));
        await using WatchedFolder source = new(_folder.Path, loggers.CreateLogger<ObjectStore>());
        source.Store.Changed += change => _changes.Writer.TryWrite(change.After);
        source.Start();
        _folder.Replace("web.yaml", "kind: [\n");
        await NextAsync(s => s.Errors is [{ Object: "" }]);
        Assert.DoesNotContain(log, l => l.StartsWith("Mended", StringComparison.Ordinal));
        _folder.Replace("web.yaml", Objects.Workload("web", "10.0.0.1"));
        await NextAsync(s => s.Errors.IsEmpty);
        Assert.StartsWith("Mended: web.yaml:", Assert.Single(log, l => l.StartsWith("Mended", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheLogTellsWhetherTheLastGoodVersionIsInForceAndWhenAnObjectIsMended()
    {
        ConcurrentQueue<string> log = new();
        using ILoggerFactory loggers = LoggerFactory.Create(l => l.AddProvider(new LineLogger(log, LogLevel.Information)));
        _folder.Write("mesh.yaml", "apiVersion: culvert.dev/v1alpha1\nkind: MeshConfig\nmetadata: {name: default}\nspec: {}\n");
        _folder.Write("web.yaml", Objects.Workload("web", "10.0.0.1"));
        await using WatchedFolder source = new(_folder.Path, loggers.CreateLogger<ObjectStore>());
        source.Store.Changed += change => _changes.Writer.TryWrite(change.After);
        source.Start();
        _folder.Replace("web.yaml", Objects.Workload("web", "nowhere"));
        await NextAsync(s => s.Errors.Length == 1);
        _folder.Replace("api.yaml", Objects.Workload("api", "nowhere"));
        await NextAsync(s => s.Errors.Length == 2);
        Assert.Equal([false, true], ProblemList.From(source.Current, null, []).Listed.Select(p => p.Instead == InForceInstead.LastGood));

        // Only moved: neither new nor mended.
        _folder.Replace("web.yaml", "# A line more.\n" + Objects.Workload("web", "nowhere"));
        await NextAsync(s => s.Errors[1].Line == source.Current.Errors[0].Line + 1);
        _folder.Replace("web.yaml", Objects.Workload("web", "10.0.0.1"));
        await NextAsync(s => s.Errors.Length == 1);
        Assert.Equal(["Not in force, the last good version stays: web.yaml", "Not in force: api.yaml", "Mended: web.yaml"], log.Select(l => string.Join(':', l.Split(':')[..2])));
    }

    [Fact]
    public async Task AWorkloadOfANodeThatNobodyHasJoinedAsIsWarnedOfUntilSomebodyDoes()
    {
        ImmutableHashSet<string> nodes = [];
        _folder.Write("all.yaml", Objects.Workload("web", "10.0.0.1", "node-3") + Objects.Workload("api", "10.0.0.2", "node-3") + Objects.Workload("db", "10.0.0.3", "node-1"));
        await using WatchedFolder source = new(_folder.Path, nodes: () => Volatile.Read(ref nodes));
        source.Store.Changed += change => _changes.Writer.TryWrite(change.After);
        source.Start();

        // Before the first node has joined each name would be unknown.
        Assert.Empty(source.Current.Warnings);
        nodes = ["node-1"];
        _folder.Write("look.yaml", "");
        ObjectSet warned = await NextAsync(s => !s.Warnings.IsEmpty);
        SourceError warning = Assert.Single(warned.Warnings);
        Assert.Equal(("Workload shop/api", "spec.node"), (warning.Object, warning.Field));
        Assert.Contains("'node-3'", warning.Reason, StringComparison.Ordinal);
        Assert.Contains("1 other", warning.Reason, StringComparison.Ordinal);
        nodes = ["node-1", "node-3"];
        _folder.Write("again.yaml", "");
        await NextAsync(s => s.Warnings.IsEmpty);

        // One more changes nothing, and so nothing is published.
        ObjectSet before = source.Current;
        nodes = ["node-1", "node-3", "node-4"];
        source.Store.Upkeep();
        Assert.Same(before, source.Current);
    }

    [Fact]
    public async Task OnlyRegularFilesAreRead()
    {
        await _folder.MakePipeAsync("pipe.yaml");
        File.CreateSymbolicLink(_folder.File("link.yaml"), "pipe.yaml");
        File.CreateSymbolicLink(_folder.File("zero.yaml"), "/dev/zero");
        File.CreateSymbolicLink(_folder.File("nowhere.yaml"), "absent");
        File.CreateSymbolicLink(_folder.File("web.yaml"), "web.text");
        _folder.Write("web.text", ObjectSetReaderTests.Workload("web", "10.0.0.1"));
        _folder.Write("empty.yaml", "");
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(_folder.File("socket.yaml")));
        ObjectSet read = await Task.Run(() => Start().Current, TestContext.Current.CancellationToken).WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.Equal("10.0.0.1", Address(read));
        string[] special = ["link.yaml", "pipe.yaml", "socket.yaml", "zero.yaml"];
        Assert.Equal([.. special.Select(f => $"{f}: is not a regular file")], read.Errors.Where(e => e.Place != "nowhere.yaml" && e.Object.Length == 0).Select(e => e.ToString()));
        Assert.Contains("can't be read", Assert.Single(read.Errors, e => e.Place == "nowhere.yaml").Reason, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task ASubfolderBeyondTheLongestPathIsAnErrorToldOnceAndTakesNothingWithIt()
    {
        ConcurrentQueue<string> log = new();
        using ILoggerFactory loggers = LoggerFactory.Create(l => l.AddProvider(new LineLogger(log)));
        _folder.Write("mesh.yaml", "apiVersion: culvert.dev/v1alpha1\nkind: MeshConfig\nmetadata: {name: default}\nspec: {}\n");
        _folder.Write("web.yaml", Objects.Workload("web", "10.0.0.1"));
        ManualTime time = new();
        FolderSource folder = new(_folder.Path, time, loggers.CreateLogger<FolderSource>());
        ObjectStore store = new("folder", folder.Status, loggers.CreateLogger<ObjectStore>(), ObjectSet.Empty);
        // No path leads to the innermost one: half of it is made elsewhere and moved, and moved back at the end, as nothing else could remove it.
        string[] names = [.. Enumerable.Repeat(new string('0', 200), 13)];
        using TempFolder other = new();
        string outer = Path.Combine([_folder.Path, .. names]), inner = Path.Combine(outer, "inner");
        Directory.CreateDirectory(outer);
        Directory.CreateDirectory(Path.Combine([other.File("inner"), .. names]));
        Directory.Move(other.File("inner"), inner);
        try
        {
            folder.Start(store);
            SourceError error = Assert.Single(store.Current.Errors);
            Assert.EndsWith("/: can't be read: its path is longer than the system allows", error.ToString(), StringComparison.Ordinal);
            Assert.InRange(error.ToString().Length, 1, 400);
            store.Changed += change => _changes.Writer.TryWrite(change.After);
            for (int i = 2; i < 12; i++)
            {
                string address = $"10.0.0.{i}";
                _folder.Replace("web.yaml", Objects.Workload("web", address));
                Task<ObjectSet> seen = NextAsync(s => s.OfKind<WorkloadObject>().Single().Addresses[0].ToString() == address);
                while (await Task.WhenAny(seen, Task.Delay(TimeSpan.FromMilliseconds(10), TestContext.Current.CancellationToken)) != seen) time.Advance(TimeSpan.FromSeconds(5));
                Assert.Equal(error, Assert.Single((await seen).Errors));
            }
        }
        finally
        {
            await folder.DisposeAsync();
            Directory.Move(inner, other.File("inner"));
        }
        Assert.Single(log, l => l.StartsWith("Not in force: ", StringComparison.Ordinal));
        Assert.InRange(log.Count(l => l.Contains("can't be watched", StringComparison.Ordinal)), 0, 1);
        Assert.All(log, l => Assert.InRange(l.Length, 1, 600));
    }

    [Fact]
    public void ASubfolderThatCanNotBeReadKeepsWhatCameFromItUntilItCan()
    {
        SourceFile web = new("sub/web.yaml", Objects.Workload("web", "10.0.0.1")), api = new("api.yaml", Objects.Workload("api", "10.0.0.2"));
        ObjectStore store = new("folder", new FolderStatus(), NullLogger.Instance, ObjectSet.Empty);
        FolderDeclarations declarations = new();
        Look(web, api);
        ObjectSet closed = Look(new("sub/", null, "can't be read"), new("api.yaml", Objects.Workload("api", "10.0.0.3")));
        Assert.Equal(["10.0.0.1", "10.0.0.3"], closed.OfKind<WorkloadObject>().Select(w => w.Addresses[0].ToString()).Order(StringComparer.Ordinal));
        Assert.Equal(InForceInstead.LastGood, closed.Instead(Assert.Single(closed.Errors)));
        Assert.Equal(2, ObjectSetReader.Read([new("sub/", null, "can't be read"), api], closed).Objects.Count);
        Assert.Single(Look(api).Objects);

        ObjectSet Look(params SourceFile[] files)
        {
            store.Apply(new([.. declarations.Update(files)]) { IsSynced = true });
            return store.Current;
        }
    }

    [Fact]
    public async Task BurstOfEditsIsFewChanges()
    {
        Start();
        for (int i = 0; i < 200; i++) _folder.Write($"w{i}.yaml", ObjectSetReaderTests.Workload($"w{i}", $"10.0.1.{i}"));
        int changes = 0;
        await NextAsync(s =>
        {
            changes++;
            return s.Objects.Count == 200;
        });
        Assert.InRange(changes, 1, 20);
    }

    public async ValueTask DisposeAsync()
    {
        if (_source is not null) await _source.DisposeAsync();
        _folder.Dispose();
    }

    /// <summary>A source of <c>objects</c> that keeps what is in force, as after a restart.</summary>
    private WatchedFolder Open(string lastGood = "objects.json")
    {
        var source = new WatchedFolder(_folder.File("objects"), lastGood: new LastGoodStore(_folder.File(lastGood), NullLogger.Instance));
        source.Start();
        return source;
    }

    private WatchedFolder Start(string? path = null)
    {
        _source = new WatchedFolder(path ?? _folder.Path);
        _source.Store.Changed += change => _changes.Writer.TryWrite(change.After);
        _source.Start();
        return _source;
    }

    private async Task<ObjectSet> NextAsync(Func<ObjectSet, bool> wanted)
    {
        using var timeout = new CancellationTokenSource(Patience);
        while (true)
        {
            ObjectSet set = await _changes.Reader.ReadAsync(timeout.Token);
            if (wanted(set)) return set;
        }
    }

    private static string? Address(ObjectSet set) => set.Objects.TryGetValue(Web, out MeshObject? web) ? ((WorkloadObject)web).Addresses[0].ToString() : null;
}

using System.Collections.Immutable;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Culvert.Controller.Api;
using Culvert.Controller.Hosting;
using Culvert.Controller.Identity;
using Culvert.Controller.Identity.BuiltIn;
using Culvert.Controller.Snapshots;
using Culvert.Controller.Sources;
using Culvert.Controller.Statuses;
using Culvert.Controller.Store;
using Culvert.Tests.Shared;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Controller.Tests;

[CollectionDefinition(nameof(FailedStartTests), DisableParallelization = true)]
public sealed class FailedStartCollection;

/// <summary>A start that fails, at whatever step, leaves nothing open, and the next one works at once when the fault is mended. Alone, because it counts the process's descriptors.</summary>
[Collection(nameof(FailedStartTests))]
public sealed class FailedStartTests : IDisposable
{
    private const UnixFileMode Everybody = (UnixFileMode)0b111_111_111, OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const string Kestrel = "Microsoft.AspNetCore.Server.Kestrel", ListeningLog = "Microsoft.Hosting.Lifetime"; // says, once it does, where the server listens
    private const string WatchThread = ".NET File Watch";
    private static readonly TimeSpan LongestClosing = TimeSpan.FromSeconds(5);
    private readonly TempFolder _folder = new();

    public FailedStartTests() => Directory.CreateDirectory(_folder.File("objects"));

    private ControllerOptions Options => Running.Options(_folder);

    private string State => Options.StateFolder;

    public void Dispose() => _folder.Dispose();

    public static TheoryData<StartFault> Faults => [.. Enum.GetValues<StartFault>()];

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task LeavesNothingOpen(StartFault fault)
    {
        await RunAsync(Options); // what a process opens once and keeps is open now
        GC.Collect();
        GC.WaitForPendingFinalizers();
        List<string> before = Opened();

        (ControllerOptions faulty, string reason, Action mend) = Break(fault);
        List<string> broken = Opened();
        Exception failure = await Assert.ThrowsAnyAsync<Exception>(() => RunAsync(faulty));
        Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
        await AssertNothingSinceAsync(broken);

        mend();
        await RunAsync(Options);
        await AssertNothingSinceAsync(before);
    }

    [Theory]
    [InlineData(StartFault.Port)]
    [InlineData(StartFault.Address)]
    [InlineData(StartFault.UnixSocket)]
    [InlineData(StartFault.FolderOfTheUnixSocket)]
    public async Task AnAddressThatCanNotBeHadLeavesNoRootInAFreshStateFolder(StartFault fault)
    {
        (ControllerOptions faulty, string reason, Action mend) = Break(fault);
        Exception failure = await Assert.ThrowsAnyAsync<Exception>(() => RunAsync(faulty));
        mend();
        Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
        Assert.Equal([StateLock.FileName], Directory.EnumerateFileSystemEntries(State).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData(null, false, FaultySource.Reason)]
    [InlineData(nameof(ObjectStore), false, nameof(ObjectStore))]
    [InlineData(nameof(SnapshotPublisher), false, nameof(SnapshotPublisher))]
    [InlineData(nameof(SnapshotPublisher), true, FaultySource.Reason)]
    [InlineData(nameof(SnapshotServiceHandler), false, nameof(SnapshotServiceHandler))]
    public async Task WhatWasGivenIsLetGoOf(string? faultyLogger, bool atFirstMessage, string reason)
    {
        await using BuiltInCertificateAuthority inner = await BuiltInCertificateAuthority.OpenAsync(new(), new FolderRootStore(_folder.File("ca")), TimeProvider.System, new Random(1), NullLogger.Instance, TestContext.Current.CancellationToken);
        HeardAuthority authority = new(inner);
        using FaultySource source = new();
        ControllerOptions options = Options with { Authority = authority, Source = source, ObjectFolder = null, LoggerFactory = faultyLogger is null ? null : new FaultyLoggers(faultyLogger, atFirstMessage) };

        Exception failure = await Assert.ThrowsAnyAsync<Exception>(() => RunAsync(options));

        Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
        Assert.True(source.IsDisposed);
        Assert.Equal(0, authority.Listeners);
    }

    private static async Task RunAsync(ControllerOptions options)
    {
        await using ControllerHost host = await ControllerHost.StartAsync(options, TestContext.Current.CancellationToken);
        Assert.NotEmpty(RunningThreads.Named(WatchThread)); // or it would not be noticed when they stayed
    }

    /// <summary>Descriptors (files, locks, sockets, watches) and the threads that watch the file system; all else that a controller runs is the thread pool's.</summary>
    private static List<string> Opened() => [.. OpenDescriptors.List(), .. RunningThreads.Named(WatchThread)];

    // A watch of the file system is closed by the thread that reads it, a moment after it was asked to.
    private static async Task AssertNothingSinceAsync(List<string> before)
    {
        long start = Stopwatch.GetTimestamp();
        List<string> added = OpenDescriptors.Added(before, Opened());
        while (added.Count > 0 && Stopwatch.GetElapsedTime(start) < LongestClosing)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
            added = OpenDescriptors.Added(before, Opened());
        }
        Assert.Empty(added);
    }

    /// <returns>Options with the fault, what a start says that fails for it and for nothing else, and what mends it.</returns>
    private (ControllerOptions Options, string Reason, Action Mend) Break(StartFault fault)
    {
        switch (fault)
        {
            case StartFault.NoSource:
                return (Options with { ObjectFolder = null }, "Neither a folder nor another source of objects is given", () => { });
            case StartFault.StateFolder:
                File.SetUnixFileMode(State, Everybody);
                return (Options, $"'{State}' is open to others", () => File.SetUnixFileMode(State, OwnerOnly));
            case StartFault.DamagedAuthority:
                return (Options, Path.Combine(State, "ca"), Damage(Path.Combine(State, "ca")));
            case StartFault.AfterTheParts:
                return (Options with { LoggerFactory = new FaultyLoggers(nameof(SnapshotServiceHandler)) }, nameof(SnapshotServiceHandler), () => { });
            case StartFault.Roots:
                return (Options with { LoggerFactory = new FaultyLoggers(nameof(ControllerHost), atFirstMessage: true) }, nameof(ControllerHost), PutFolder(Path.Combine(State, ControllerHost.RootsFileName)));
            case StartFault.SourceThatFails:
                return (Options with { Source = new FaultySource() }, FaultySource.Reason, () => { });
            case StartFault.AfterTheSource:
                return (Options with { LoggerFactory = new FaultyLoggers(nameof(SnapshotPublisher), atFirstMessage: true) }, nameof(SnapshotPublisher), () => { });
            case StartFault.Watch:
                return (Options with { LoggerFactory = new FaultyLoggers(nameof(ControllerHost), atFirstMessage: true) }, nameof(ControllerHost), PutFolder(Path.Combine(ControllerHost.NodeFolder(State), "spare-0")));
            case StartFault.AfterTheWatch:
                return (Options with { LoggerFactory = new FaultyLoggers(Kestrel) }, Kestrel, () => { });
            case StartFault.AfterTheServer:
                return (Options with { LoggerFactory = new FaultyLoggers(ListeningLog, atFirstMessage: true) }, ListeningLog, () => { });
            case StartFault.Port:
                Socket taken = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
                taken.Listen();
                return (Options with { Listen = (IPEndPoint)taken.LocalEndPoint! }, $"Cannot listen on {taken.LocalEndPoint}: another process listens there", taken.Dispose);
            case StartFault.Address:
                return (Options with { Listen = new IPEndPoint(IPAddress.Parse("192.0.2.1"), 0) }, "Cannot assign requested address", () => { }); // RFC 5737: nobody's
            case StartFault.UnixSocket:
                return (Options, $"Cannot listen on '{Options.UnixSocket}': another process listens there", Serve(Options.UnixSocket!));
            case StartFault.FolderOfTheUnixSocket:
                return (Options with { UnixSocket = _folder.File("none/c.sock") }, $"Cannot listen on '{_folder.File("none/c.sock")}': its folder is not there", () => { });
            default:
                throw new ArgumentOutOfRangeException(nameof(fault));
        }
    }

    private Action Damage(string folder)
    {
        string aside = _folder.File("aside");
        Directory.Move(folder, aside);
        Directory.CreateDirectory(folder, OwnerOnly);
        foreach (string file in Directory.GetFiles(aside))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
            File.WriteAllText(Path.Combine(folder, Path.GetFileName(file)), "garbage");
        }
        return () =>
        {
            Directory.Delete(folder, recursive: true);
            Directory.Move(aside, folder);
        };
    }

    /// <summary>What can't be written is logged, which fails too with the logs of these faults.</summary>
    private static Action PutFolder(string path)
    {
        File.Delete(path);
        Directory.CreateDirectory(path);
        return () => Directory.Delete(path);
    }

    private static Action Serve(string path)
    {
        Socket listening = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listening.Bind(new UnixDomainSocketEndPoint(path));
        listening.Listen();
        return () =>
        {
            listening.Dispose();
            File.Delete(path);
        };
    }

    /// <summary>Where a start fails, in the order of the steps: what is made, and from <see cref="Roots"/> on what is started.</summary>
    public enum StartFault
    {
        NoSource,
        StateFolder,
        Port,
        Address,
        UnixSocket,
        FolderOfTheUnixSocket,
        DamagedAuthority,
        AfterTheParts,
        Roots,
        SourceThatFails,
        AfterTheSource,
        Watch,
        AfterTheWatch,
        AfterTheServer,
    }

    /// <summary>Opens something, and then fails to start.</summary>
    private sealed class FaultySource : IObjectSource, IDisposable
    {
        public const string Reason = "the source can't be reached";
        private FileStream? _open;

        public bool IsDisposed { get; private set; }

        public string Name => "faulty";

        public IStatusSink Status { get; } = new ApiStatuses();

        public void Start(IObjectSink sink)
        {
            _open = File.OpenRead("/dev/null");
            throw new IOException(Reason);
        }

        public void Dispose() => _open?.Dispose();

        public ValueTask DisposeAsync()
        {
            IsDisposed = true;
            Dispose();
            return ValueTask.CompletedTask;
        }
    }

    /// <summary>Counts who listens.</summary>
    private sealed class HeardAuthority(ICertificateAuthority inner) : ICertificateAuthority
    {
        private Action? _listeners;

        public int Listeners => _listeners?.GetInvocationList().Length ?? 0;

        public ImmutableArray<ReadOnlyMemory<byte>> Roots => inner.Roots;

        public TimeSpan Backdating => inner.Backdating;

        public event Action? RootsChanged
        {
            add => _listeners += value;
            remove => _listeners -= value;
        }

        public Task<IssuedCertificate> SignAsync(SigningRequest request, CancellationToken cancellationToken) => inner.SignAsync(request, cancellationToken);
    }
}

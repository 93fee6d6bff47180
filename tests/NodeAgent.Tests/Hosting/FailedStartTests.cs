using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Bpf;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Hosting;
using Culvert.NodeAgent.Options;
using Culvert.NodeAgent.Tests.Datapath;
using Culvert.Tests.Shared;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.Hosting;

/// <summary>A start that fails, at whatever step, leaves nothing behind, and the next one works at once when the fault is mended. Needs root.</summary>
[Collection(AloneCollection.Name)]
public sealed class FailedStartTests : IDisposable
{
    private const string ProxyLog = "Culvert.Proxy";
    private const ushort MetricsPort = 15020, ReadinessPort = 15021;
    private readonly AttachFixture _world;
    private readonly string _folder;
    private readonly bool _hadRules;

    public FailedStartTests()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for BPF");
        _hadRules = new CaptureRoutes(new AgentOptions()).AreThere();
        _folder = Directory.CreateTempSubdirectory("culvert-start").FullName;
        File.WriteAllText(Garbage, "garbage");
        _world = new AttachFixture();
        _world.Ip("link set lo up");
        BpfFs.UnpinTree(_world.Pins.Root);
    }

    private AgentOptions Options => new()
    {
        NodeName = "solo",
        BpfFolder = _world.Folder,
        RunFolder = Path.Combine(_folder, "run"),
        StateFolder = Path.Combine(_folder, "state"),
        Controller = new Uri("unix://" + Path.Combine(_folder, "none.sock")),
        Metrics = new IPEndPoint(IPAddress.Loopback, MetricsPort),
        Readiness = new IPEndPoint(IPAddress.Loopback, ReadinessPort),
        Loops = 2,
        DrainDeadline = TimeSpan.Zero,
    };

    private string Garbage => Path.Combine(_folder, "file");

    public void Dispose()
    {
        // An agent that has run for a moment has looked after its rules, from a thread of the pool: those are in the network namespace of the test's process.
        if (!_hadRules) new CaptureRoutes(Options).Remove();
        _world.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    public static TheoryData<StartFault> Faults => [.. Enum.GetValues<StartFault>()];

    [Theory]
    [MemberData(nameof(Faults))]
    public Task AFirstStartLeavesNothing(StartFault fault) => InWorldAsync(async () =>
    {
        await RunAsync(Options);
        Detach(); // what a process opens once and keeps is open now
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Leftovers before = new(_world.Pins.Root);

        (AgentOptions faulty, string reason, IDisposable? cause) = Break(fault);
        using (cause)
        {
            Leftovers broken = new(_world.Pins.Root);
            Exception failure = await Assert.ThrowsAnyAsync<Exception>(() => RunAsync(faulty, cause as ILoggerFactory));
            Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
            Leftovers.AssertNone(_world.Pins.Root, broken);
        }

        await RunAsync(Options);
        Detach();
        Leftovers.AssertNone(_world.Pins.Root, before);
    });

    [Fact]
    public Task AStartAfterAnAgentThatRanLeavesWhatThatHasLeft() => InWorldAsync(async () =>
    {
        await RunAsync(Options);
        Leftovers before = new(_world.Pins.Root);
        uint link = LookupLink();

        (AgentOptions faulty, string reason, IDisposable? cause) = Break(StartFault.MetricsPort);
        using (cause) Assert.StartsWith(reason, (await Assert.ThrowsAsync<AgentStartException>(() => RunAsync(faulty))).Message, StringComparison.Ordinal);

        Leftovers.AssertNone(_world.Pins.Root, before);
        Leftovers.AssertKept(_world.Pins.Root, before);
        Assert.Equal(link, LookupLink());
        Detach();
    });

    private static async Task RunAsync(AgentOptions options, ILoggerFactory? loggers = null)
    {
        AgentHost host = await AgentHost.StartAsync(options, loggers ?? NullLoggerFactory.Instance, TimeProvider.System, TestContext.Current.CancellationToken);
        await host.DisposeAsync();
    }

    // All that an agent opens is opened by the thread that starts it, whose network namespace it then belongs to.
    private Task InWorldAsync(Func<Task> test) =>
        Task.Factory.StartNew(() => _world.In(() => OneThread.Run(test)), TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <returns>Options with the fault, what a start says that fails for it and for nothing else, and its cause, which goes with it.</returns>
    private (AgentOptions Options, string Reason, IDisposable? Cause) Break(StartFault fault) => fault switch
    {
        StartFault.RunFolder => (Options with { RunFolder = Garbage }, $"--run-dir {Garbage}: ", null),
        StartFault.StateFolder => (Options with { StateFolder = Garbage }, $"--state-dir {Garbage}: ", null),
        StartFault.RunFolderLocked => (Options, $"--run-dir {Options.RunFolder}: another agent uses it", AgentLock.Take(Options.RunFolder, NullLogger.Instance)),
        StartFault.StateFolderLocked => (Options, $"--state-dir {Options.StateFolder}: another agent uses it", StateLock.Take(Options.StateFolder, NullLogger.Instance)),
        StartFault.BpfFolder => (Options with { BpfFolder = Garbage }, $"--bpffs {Garbage}: ", null),
        StartFault.PinsLocked => (Options, $"--bpffs {_world.Folder}: another agent uses ", PinLock.Take(_world.Folder, PinFolder.Prepare(_world.Folder))),
        StartFault.DatapathObject => (Options with { DatapathObject = Garbage }, $"--datapath-object {Garbage}: ", null),
        StartFault.SocketLookup => (Options, $"failed to pin a link at {_world.Pins.Link(SocketLookup.PinName)}", Folder(_world.Pins.Link(SocketLookup.PinName))),
        StartFault.BootstrapRoots => (Options with { BootstrapRootsFile = Garbage }, $"--bootstrap-roots {Garbage}: ", null),
        StartFault.Unforeseen => (Options, $"no log for {ProxyLog}", new FaultyLoggers(ProxyLog)),
        StartFault.OutboundPort => (Options, $"--outbound-port {Options.OutboundPort}: ", Taken(Options.OutboundPort)),
        StartFault.TunnelPort => (Options, $"--tunnel-port {Options.TunnelPort}: ", Taken(Options.TunnelPort)),
        StartFault.UdpPort => (Options with { UdpPort = Options.OutboundPort }, $"--udp-port {Options.OutboundPort}: ", Taken(Options.OutboundPort, ProtocolType.Udp)),
        StartFault.MetricsPort => (Options, $"--metrics {Options.Metrics}: ", Taken(MetricsPort)),
        StartFault.ReadinessPort => (Options, $"--readiness {Options.Readiness}: ", Taken(ReadinessPort)),
        StartFault.AdminSocket => (Options, $"--run-dir {Options.RunFolder}: Cannot listen on '{Options.AdminSocket}'", Server(Options.AdminSocket)),
        _ => throw new ArgumentOutOfRangeException(nameof(fault)),
    };

    private static Cause Folder(string path)
    {
        Directory.CreateDirectory(path);
        return new Cause(() => { });
    }

    private static Socket Taken(int port, ProtocolType protocol = ProtocolType.Tcp)
    {
        Socket socket = new(AddressFamily.InterNetwork, protocol == ProtocolType.Tcp ? SocketType.Stream : SocketType.Dgram, protocol);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
        if (protocol == ProtocolType.Tcp) socket.Listen();
        return socket;
    }

    private static Cause Server(string path)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path));
        socket.Listen();
        return new Cause(() =>
        {
            socket.Dispose();
            File.Delete(path);
        });
    }

    private uint LookupLink()
    {
        using BpfLink link = BpfLink.OpenPinned(_world.Pins.Link(SocketLookup.PinName));
        return link.Info.Id;
    }

    private void Detach()
    {
        BpfFs.UnpinTree(_world.Pins.Root);
        new CaptureRoutes(Options).Remove();
    }

    /// <summary>Where a start fails, in the order of the steps.</summary>
    public enum StartFault
    {
        RunFolder,
        StateFolder,
        RunFolderLocked,
        StateFolderLocked,
        BpfFolder,
        PinsLocked,
        DatapathObject,
        SocketLookup,
        BootstrapRoots,
        Unforeseen,
        OutboundPort,
        TunnelPort,
        UdpPort,
        MetricsPort,
        ReadinessPort,
        AdminSocket,
    }

    private sealed class Cause(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}

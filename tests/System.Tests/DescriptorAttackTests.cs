using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Culvert.Cli;
using Culvert.Interop.Netlink;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.Protocol.V1;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>Somebody drives an agent that may have few descriptors to their end: others' traffic goes on, and the agent lives.</summary>
[Collection(MeshCollection.Name)]
[Trait("Category", "Attack")]
public sealed class DescriptorAttackTests : IAsyncLifetime
{
    private const int Limit = 640;
    private const int Asking = 5400;
    private const int StandardStreams = 3;

    private MeshLab _mesh = null!;
    private LabPod _greedy = null!;
    private LabPod _honest = null!;
    private LabPod _near = null!;
    private LabPod _far = null!;

    private MeshNode Node => _mesh.Nodes[0];

    public async ValueTask InitializeAsync()
    {
        // As under `ulimit -n 640`.
        var script = Path.Combine(Directory.CreateTempSubdirectory("culvert-test-").FullName, "agent");
        await File.WriteAllTextAsync(script, $"#!/bin/sh\nulimit -n {Limit} && exec '{LabPrograms.Agent}' \"$@\"\n");
        File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        _mesh = await MeshFixture.CreateAsync(new MeshLabOptions { Agent = script });
        _mesh.Objects.Write("mesh", MeshObjects.Mesh().Replace("STRICT", "PERMISSIVE", StringComparison.Ordinal));
        _greedy = await _mesh.AddPodAsync(Node, "greedy", "client");
        _honest = await _mesh.AddPodAsync(Node, "honest", "client");
        _near = await _mesh.AddPodAsync(Node, "near", "near");
        _far = await _mesh.AddPodAsync(_mesh.Nodes[1], "far", "web");

        // What comes to this port from outside goes by the proxy.
        _mesh.Objects.Write("workload-near", MeshObjects.Workload(_near, "near", $"culvert.dev/proxy-protocol: \"v2:{Asking},{Asking}/udp\""));
        await MeshFixture.StartAsync(_mesh);
    }

    public async ValueTask DisposeAsync()
    {
        await _mesh.DisposeAsync();
        Directory.Delete(Path.GetDirectoryName(_mesh.Options.Agent)!, recursive: true);
    }

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task A_pod_that_opens_connections_without_end_is_refused_and_another_finds_room(TestFamily family)
    {
        await using var server = PeerServer.Start(_far, MeshFixture.AddressOf(_far, family), PeerServer.EchoAsync);
        await using var requests = Requests.Start(_honest, server.EndPoint);
        await requests.MoreAsync(20);
        List<Socket> sockets = [];
        try
        {
            for (var i = 0; i < 1000; i++)
            {
                sockets.Add(await ConnectAsync(_greedy, server.EndPoint));
            }

            await requests.MoreAsync(50);
            await Requests.ReportAsync($"one pod's connections ({family})", $"1000 opened with {Limit} descriptors", requests);
            await AssertHealthyAsync("culvert_tcp_connections_failed_total", "reason=\"over-share\"", "far");
        }
        finally
        {
            sockets.ForEach(s => s.Dispose());
        }
    }

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task Datagrams_from_thousands_of_external_ports_are_refused_and_pods_find_room(TestFamily family)
    {
        await using var server = PeerServer.Start(_far, MeshFixture.AddressOf(_far, family), PeerServer.EchoAsync);
        await using var requests = Requests.Start(_honest, server.EndPoint);
        await requests.MoreAsync(20);
        var target = new IPEndPoint(MeshFixture.AddressOf(_near, family), Asking);
        using var place = NetworkNamespace.OpenPath(_mesh.ControllerPlace.NamespacePath);
        for (var i = 0; i < 3000; i++)
        {
            using var socket = place.Run(() => new Socket(target.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
            await socket.SendToAsync(new byte[1], target);
        }

        await requests.MoreAsync(50);
        await Requests.ReportAsync($"sessions of addresses outside ({family})", $"3000 begun with {Limit} descriptors", requests);
        await AssertHealthyAsync("culvert_udp_sessions_failed_total", "reason=\"over-share\"", "near");
    }

    [Fact]
    public async Task External_connections_are_refused_and_pods_find_room()
    {
        await using var server = PeerServer.Start(_far, _far.Address4, PeerServer.EchoAsync);
        await using var application = PeerServer.Start(_near, _near.Address4, PeerServer.EchoAsync, Asking);
        await using var requests = Requests.Start(_honest, server.EndPoint);
        await requests.MoreAsync(20);
        List<Socket> sockets = [];
        try
        {
            for (var i = 0; i < 500; i++)
            {
                sockets.Add(await ConnectAsync(_mesh.ControllerPlace, application.EndPoint));
            }

            await requests.MoreAsync(50);
            await Requests.ReportAsync("connections from outside", $"500 opened with {Limit} descriptors", requests);
            await AssertHealthyAsync("culvert_tcp_connections_failed_total", "reason=\"over-share\"", "near");
        }
        finally
        {
            sockets.ForEach(s => s.Dispose());
        }
    }

    [Fact]
    public async Task An_agent_without_a_free_descriptor_waits_says_so_a_few_times_and_goes_on()
    {
        await using var server = PeerServer.Start(_far, _far.Address4, PeerServer.EchoAsync);
        var pid = Node.Agent!.Id.ToString(CultureInfo.InvariantCulture);

        // An agent that still waits for a certificate, or for the controller's first words, would have to wait for these without a descriptor, and longer than a client does.
        await using (var before = Requests.Start(_honest, server.EndPoint))
        {
            await before.MoreAsync(1);
        }

        // Not as many as are in use: one that is closed just then would be free for a connection that is accepted and then has no way on.
        await Tool.RequireAsync("prlimit", ["--pid", pid, string.Create(CultureInfo.InvariantCulture, $"--nofile={StandardStreams}:{Limit}")]);
        await using var requests = Requests.Start(_honest, server.EndPoint);
        await LabWait.UntilAsync("the agent says that it cannot accept", () => Node.Agent.ReadLog().Contains("cannot accept connections", StringComparison.Ordinal), TimeSpan.FromSeconds(10));
        Assert.Equal(0, requests.Done);
        await Tool.RequireAsync("prlimit", ["--pid", pid, string.Create(CultureInfo.InvariantCulture, $"--nofile={Limit}:{Limit}")]);

        await requests.MoreAsync(20);
        await Requests.ReportAsync("descriptors", "none allowed but the standard streams", requests);
        Assert.InRange(Node.Agent.ReadLog().Split('\n').Count(l => l.Contains("cannot accept", StringComparison.Ordinal)), 1, 2);
        Assert.True((await Node.MetricsAsync()).Sum("culvert_accept_failures_total") > 0);
    }

    private async Task AssertHealthyAsync(string metric, string reason, string destination)
    {
        var refusals = (await Node.FlowsAsync(new FlowFilter { Verdict = Verdict.Deny })).Where(f => f.Reason == "over-share").ToList();
        Assert.NotEmpty(refusals);
        Assert.All(refusals, f => Assert.EndsWith($"/{destination}", f.Destination.WorkloadUid, StringComparison.Ordinal));

        await Node.WaitReadyAsync();
        Assert.False(Node.Agent!.HasExited);
        await LabWait.UntilAsync("the refusals are counted by name", async () => (await Node.MetricsAsync()).Sum(metric, reason) > 100, TimeSpan.FromSeconds(10));
        Assert.Equal(0, (await Node.MetricsAsync()).Sum("culvert_accept_failures_total"));
        Assert.DoesNotContain("xception", Node.Agent.ReadLog(), StringComparison.Ordinal);
        Assert.InRange(AgentUsage.Of(Node).Descriptors, 1, Limit);
    }

    // A refused connection is one that is reset, perhaps before this end has heard that it was made.
    private static async Task<Socket> ConnectAsync(LabNamespace from, IPEndPoint to)
    {
        var socket = from.CreateSocket(to.AddressFamily);
        try
        {
            await socket.ConnectAsync(to);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset)
        {
        }

        return socket;
    }
}

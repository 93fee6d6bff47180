using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Culvert.Controller.Attestation;
using Culvert.Controller.Nodes;
using Culvert.Core;
using Culvert.GrpcHosting;
using Culvert.Protocol;
using Culvert.Tests.Shared;
using Grpc.Core;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Controller.Tests;

/// <summary>Clients that say nothing, or prove nothing, on the controller's port.</summary>
[Trait("Category", "Attack")]
public sealed class AnonymousClientTests
{
    private static readonly ConnectionGateOptions s_bounds = new();
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task SilentClientsGiveWayAndKeepNoAgentOut()
    {
        await using Running running = await StartAsync();
        using FakeAgent joining = FakeAgent.OverTls(running.Host, "node-1");
        SslClientIdentity identity = await joining.JoinAsync(running.Host.Tokens.Create("node-1", TimeSpan.FromHours(1)));
        using FakeAgent otherJoining = FakeAgent.OverTls(running.Host, "node-2");
        SslClientIdentity otherIdentity = await otherJoining.JoinAsync(running.Host.Tokens.Create("node-2", TimeSpan.FromHours(1)));
        using FakeAgent before = FakeAgent.OverTls(running.Host, "node-1", identity);
        await before.OpenAsync();
        await before.NextAsync();
        List<Socket> silent = [];
        try
        {
            int most = s_bounds.MostFromOneSource;
            for (int i = 0; i < 2 * most; i++)
            {
                Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
                silent.Add(socket);
                await socket.ConnectAsync(running.Host.EndPoint!, TestContext.Current.CancellationToken);
            }

            // The first ones have gone; that they went for newer ones, and not because time was up, is what GivesWayAtItsBounds shows.
            foreach (Socket socket in silent.Take(most)) await AssertClosedAsync(socket);
            using FakeAgent agent = FakeAgent.OverTls(running.Host, "node-2", otherIdentity);
            await agent.OpenAsync();
            await agent.NextAsync();

            // The rest is closed when it has not shaken hands in time; streams that are open go on.
            foreach (Socket socket in silent.Skip(most)) await AssertClosedAsync(socket);
            running.Write("web.yaml", Objects.Workload("web", "10.0.0.7"));
            await before.NextAsync();
            await agent.NextAsync();
        }
        finally
        {
            foreach (Socket socket in silent) socket.Dispose();
        }
    }

    [Fact]
    public async Task GivesWayAtItsBounds()
    {
        var time = new ManualTime();
        var gate = new ConnectionGate(new() { Most = 3, MostFromOneSource = 2, Longest = TimeSpan.FromSeconds(30) }, time);
        DefaultConnectionContext[] connections = [.. new[] { 1, 1, 1, 2, 3, 4 }.Select(n => new DefaultConnectionContext { RemoteEndPoint = new IPEndPoint(IPAddress.Parse($"10.0.0.{n}"), 1) })];
        GatePlace[] places = new GatePlace[connections.Length];
        for (int i = 0; i < 2; i++) places[i] = gate.Enter(connections[i]);
        Assert.Equal((2, 0L), (gate.Count, gate.Dropped));

        // The third of one address takes the place of its first, the fourth address that of the oldest of all.
        places[2] = gate.Enter(connections[2]);
        await ClosedAsync(connections[0]);
        places[3] = gate.Enter(connections[3]);
        Assert.Equal((3, 1L), (gate.Count, gate.Dropped));
        places[4] = gate.Enter(connections[4]);
        await ClosedAsync(connections[1]);

        // Who has proven itself leaves and stays connected, for good; who has not goes when time is up.
        places[2].Dispose();
        places[5] = gate.Enter(connections[5]);
        Assert.Equal((3, 2L), (gate.Count, gate.Dropped));
        time.Advance(TimeSpan.FromSeconds(30));
        foreach (int i in new[] { 3, 4, 5 }) await ClosedAsync(connections[i]);
        Assert.Equal((0, 5L), (gate.Count, gate.Dropped));
        Assert.False(connections[2].ConnectionClosed.IsCancellationRequested);

        static async Task ClosedAsync(DefaultConnectionContext connection)
        {
            TaskCompletionSource closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
            using (connection.ConnectionClosed.Register(() => closed.TrySetResult())) await closed.Task.WaitAsync(Patience);
        }
    }

    [Fact]
    public async Task ClientsWhoseHandshakeHasNoCertificateGiveWayToo()
    {
        await using Running running = await StartAsync();
        List<FakeAgent> anonymous = [];
        try
        {
            for (int i = 0; i <= s_bounds.MostFromOneSource; i++)
            {
                FakeAgent client = FakeAgent.OverTls(running.Host, "node-1");
                anonymous.Add(client);
                Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(() => client.JoinAsync("made-up"))).StatusCode);
            }

            // Each has its connection, but the first; an agent gets in all the same.
            using FakeAgent joining = FakeAgent.OverTls(running.Host, "node-2");
            using FakeAgent agent = FakeAgent.OverTls(running.Host, "node-2", await joining.JoinAsync(running.Host.Tokens.Create("node-2", TimeSpan.FromHours(1))));
            await agent.OpenAsync();
            await agent.NextAsync();
        }
        finally
        {
            foreach (FakeAgent client in anonymous) client.Dispose();
        }
    }

    [Fact]
    public async Task ClientsThatSendFramesWithoutEndAreCutOff()
    {
        byte[] preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray(), settings = [0, 0, 0, 4, 0, 0, 0, 0, 0], ping = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
        await using Running running = await StartAsync();
        using Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(running.Host.EndPoint!, TestContext.Current.CancellationToken);
        await using SslStream tls = new(new NetworkStream(socket));
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "",
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            RemoteCertificateValidationCallback = (_, _, _, _) => true,
        });
        await tls.WriteAsync(new byte[][] { preface, settings }.SelectMany(b => b).ToArray(), TestContext.Current.CancellationToken);
        byte[] pings = [.. Enumerable.Repeat(ping, 100).SelectMany(p => p)], answers = new byte[64 * 1024];
        int sent = 0;
        await Assert.ThrowsAnyAsync<IOException>(async () =>
        {
            while (sent < 10 * Hosting.AgentConnections.MostOfAnAnonymousClient)
            {
                await tls.WriteAsync(pings, TestContext.Current.CancellationToken);
                sent += pings.Length;
                // All answers, or what is still to be read would hide that nothing is answered any more.
                for (int read = 0, next; read < pings.Length; read += next)
                {
                    next = await tls.ReadAsync(answers, TestContext.Current.CancellationToken).AsTask().WaitAsync(Patience);
                    if (next == 0) throw new IOException("cut off");
                }
            }
        });
        Assert.InRange(sent, Hosting.AgentConnections.MostOfAnAnonymousClient - pings.Length, 2 * Hosting.AgentConnections.MostOfAnAnonymousClient);

        // Who joins is let in.
        using FakeAgent joining = FakeAgent.OverTls(running.Host, "node-1");
        await joining.JoinAsync(running.Host.Tokens.Create("node-1", TimeSpan.FromHours(1)));
    }

    [Fact]
    public async Task AConnectionAsksForOneNodeCertificateAtATime()
    {
        SlowAttestor attestor = new();
        using TempFolder folder = new();
        folder.Write("objects/web.yaml", Objects.Workload("web", "10.0.0.1"));
        await using ControllerHost host = await ControllerHost.StartAsync(Running.Options(folder) with { Attestor = attestor }, TestContext.Current.CancellationToken);
        using FakeAgent client = FakeAgent.OverTls(host, "node-1"), other = FakeAgent.OverTls(host, "node-2");
        Task<SslClientIdentity> first = client.JoinAsync("a");
        await attestor.Asked.Task.WaitAsync(Patience);
        for (int i = 0; i < 80; i++)
        {
            RpcException refused = await Assert.ThrowsAsync<RpcException>(() => client.JoinAsync("a"));
            Assert.Equal((StatusCode.ResourceExhausted, TimeSpan.FromSeconds(1)), (refused.StatusCode, RetryPushback.Of(refused)));
        }
        Assert.Equal(1, attestor.Count);
        Task<SslClientIdentity> second = other.JoinAsync("b");
        attestor.Answer.SetResult();
        Assert.NotNull(await first);
        Assert.NotNull(await second);
        Assert.NotNull(await client.JoinAsync("a"));
    }

    [Fact]
    public async Task WhatIsNoNameOfANodeIsNotToldBackAndRefusalsAreCountedRatherThanSaid()
    {
        ConcurrentQueue<string> lines = [];
        using ILoggerFactory log = LoggerFactory.Create(l => l.AddProvider(new LineLogger(lines, LogLevel.Information)));
        await using Running running = await Running.StartAsync(
            f => f.Write("objects/web.yaml", Objects.Workload("web", "10.0.0.1")), o => o with { LoggerFactory = log });
        using FakeAgent client = FakeAgent.OverTls(running.Host, new string('x', 60_000)), other = FakeAgent.OverTls(running.Host, "node-2");
        RpcException refused = await Assert.ThrowsAsync<RpcException>(() => client.JoinAsync("a"));
        Assert.Equal((StatusCode.InvalidArgument, "the name of a node has at most 253 characters"), (refused.StatusCode, refused.Status.Detail));
        for (int i = 0; i < 30; i++) Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(() => other.JoinAsync("made-up"))).StatusCode);
        Assert.Equal(20, lines.Count(l => l.StartsWith("Refused a node certificate to node-2", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task OneNodesConnectionsAreBounded()
    {
        await using Running running = await StartAsync();
        using FakeAgent joining = FakeAgent.OverTls(running.Host, "node-1"), other = FakeAgent.OverTls(running.Host, "node-2");
        SslClientIdentity identity = await joining.JoinAsync(running.Host.Tokens.Create("node-1", TimeSpan.FromHours(1)));
        List<FakeAgent> agents = [];
        try
        {
            for (int i = 0; i < Hosting.AgentConnections.MostOfANode; i++)
            {
                FakeAgent agent = FakeAgent.OverTls(running.Host, "node-1", identity);
                agents.Add(agent);
                await agent.RenewAsync();
            }
            using FakeAgent tooMany = FakeAgent.OverTls(running.Host, "node-1", identity);
            Assert.Equal(StatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(tooMany.RenewAsync)).StatusCode);
            await other.JoinAsync(running.Host.Tokens.Create("node-2", TimeSpan.FromHours(1)));
        }
        finally
        {
            foreach (FakeAgent agent in agents) agent.Dispose();
        }
    }

    [Fact]
    public async Task ACertificateOfTheMeshThatIsNoNodesLeavesItsClientAnonymous()
    {
        Hosting.AgentConnections connections = new(TimeProvider.System, NullLogger.Instance);
        foreach ((string id, bool isNode) in new[] { ("spiffe://a/culvert/node/n", true), ("spiffe://a/culvert/controller", false), ("spiffe://a/ns/shop/sa/web", false) })
        {
            Pipe pipe = new();
            DefaultConnectionContext connection = new() { Transport = new Transport(pipe.Reader, pipe.Writer) };
            await connections.BeforeHandshakeAsync(connection, async _ =>
            {
                connection.Items[NodeProof.Key] = new NodeProof([], SpiffeId.Parse(id));
                await connections.AfterHandshakeAsync(connection, _ =>
                {
                    Assert.Equal(isNode ? 0 : 1, connections.Gate.Count);
                    return Task.CompletedTask;
                });
            });
        }
    }

    private sealed class SlowAttestor : INodeAttestor
    {
        private int _count;

        public TaskCompletionSource Asked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Count => _count;

        public async Task<string> VerifyAsync(NodeEvidence evidence, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _count);
            Asked.TrySetResult();
            await Answer.Task.WaitAsync(cancellationToken);
            return evidence.Node;
        }

        public Task ConsumeAsync(NodeEvidence evidence, CancellationToken cancellationToken) => Task.CompletedTask;
    }

    private sealed record Transport(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    private static async Task AssertClosedAsync(Socket socket)
    {
        try
        {
            Assert.Equal(0, await socket.ReceiveAsync(new byte[1]).WaitAsync(Patience));
        }
        catch (SocketException e)
        {
            Assert.Equal(SocketError.ConnectionReset, e.SocketErrorCode);
        }
    }

    private static Task<Running> StartAsync() => Running.StartAsync(f => f.Write("objects/web.yaml", Objects.Workload("web", "10.0.0.1")));
}

using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Culvert.Cli.Labs;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>Many datagrams, many sessions, and an agent that goes away in between.</summary>
[Collection(MeshCollection.Name)]
public sealed class UdpLoadTests(MeshFixture mesh)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(15);

    [Theory]
    [InlineData(TestPath.Direct, 1_000_000)]
    [InlineData(TestPath.Tunnel, 200_000)]
    public async Task No_datagram_is_lost_at_a_bounded_rate(TestPath path, int count)
    {
        const int Ahead = 100, Batch = 25; // at most so many are on their way; so many that have arrived make room at once
        var (pod, _) = mesh.Server(path, TestFamily.IPv4);
        using var server = DatagramSocket.Bind(pod, TestFamily.IPv4);
        using var client = DatagramSocket.Bind(mesh.Client, TestFamily.IPv4);
        server.ReceiveBufferSize = 4 << 20;
        server.ReceiveTimeout = (int)Deadline.TotalMilliseconds;
        await client.ConnectAsync(server.LocalEndPoint!);
        var received = 0;
        using var room = new SemaphoreSlim(1); // the first one opens the tunnel; while that takes, only few may wait
        var receiving = Task.Factory.StartNew(
            () =>
            {
                var buffer = new byte[2048];
                for (var i = 0; i < count; i++)
                {
                    var length = server.Receive(buffer);
                    Assert.Equal((200, i), (length, BinaryPrimitives.ReadInt32BigEndian(buffer)));
                    received++;
                    if (i % Batch == 0)
                    {
                        room.Release(i == 0 ? Ahead : Batch);
                    }
                }
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

        var message = new byte[200];
        for (var i = 0; i < count && await room.WaitAsync(Deadline); i++)
        {
            BinaryPrimitives.WriteInt32BigEndian(message, i);
            client.Send(message);
        }

        await receiving;
        Assert.Equal(count, received);
    }

    [Fact]
    public async Task Two_thousand_sessions_are_kept_apart()
    {
        const int Sessions = 2000, Rounds = 3;
        using var server = DatagramSocket.Bind(mesh.Far, TestFamily.IPv4);
        server.ReceiveBufferSize = 4 << 20;
        var echo = DatagramSocket.EchoAsync(server);
        var clients = Enumerable.Range(0, Sessions).Select(_ => DatagramSocket.Bind(mesh.Client, TestFamily.IPv4)).ToArray();
        try
        {
            var buffer = new byte[100];
            for (var round = 0; round < Rounds; round++)
            {
                foreach (var group in Enumerable.Range(0, Sessions).Chunk(50))
                {
                    foreach (var i in group)
                    {
                        clients[i].SendTo(BitConverter.GetBytes((round * Sessions) + i), server.LocalEndPoint!);
                    }

                    foreach (var i in group)
                    {
                        clients[i].ReceiveTimeout = (int)Deadline.TotalMilliseconds;
                        Assert.Equal(sizeof(int), clients[i].Receive(buffer));
                        Assert.Equal((round * Sessions) + i, BitConverter.ToInt32(buffer));
                    }
                }
            }

            Assert.True((await mesh.Node1.MetricsAsync()).Sum("culvert_udp_sessions") >= Sessions);
        }
        finally
        {
            foreach (var client in clients)
            {
                client.Dispose();
            }
        }

        server.Dispose();
        Assert.Equal(Sessions * Rounds, await echo);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_client_goes_on_from_the_same_socket_after_an_agent_was_killed(int node)
    {
        using var server = DatagramSocket.Bind(mesh.Far, TestFamily.IPv4);
        using var client = DatagramSocket.Bind(mesh.Client, TestFamily.IPv4);
        var echo = DatagramSocket.EchoAsync(server);
        Assert.True(await AnswersAsync(client, server));
        var agent = node == 1 ? mesh.Node1 : mesh.Node2;
        await agent.KillAgentAsync();
        Assert.False(await AnswersAsync(client, server)); // neither past the proxy nor in plaintext
        await agent.StartAgentAsync();
        await LabWait.UntilAsync("answers come again", () => AnswersAsync(client, server), TimeSpan.FromSeconds(30));
        server.Dispose();
        Assert.True(await echo >= 2);
    }

    private static async Task<bool> AnswersAsync(Socket client, Socket server)
    {
        var number = Guid.NewGuid().ToByteArray();
        await client.SendToAsync(number, server.LocalEndPoint!);
        var buffer = new byte[100];
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        try
        {
            while (true)
            {
                var length = await client.ReceiveAsync(buffer, patience.Token);
                if (buffer.AsSpan(0, length).SequenceEqual(number))
                {
                    return true;
                }
            }
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}

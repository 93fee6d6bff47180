using System.Net;
using System.Net.Sockets;
using System.Text;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.Protocol.V1;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>Ports that take PROXY headers, behind real load balancers outside and inside the mesh.</summary>
[Collection(ProxyProtocolCollection.Name)]
public sealed class ProxyProtocolSenderTests(ProxyProtocolFixture mesh)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    public static TheoryData<string, TestPath, TestFamily> Cases
    {
        get
        {
            var all = new TheoryData<string, TestPath, TestFamily>();
            foreach (var sender in ProxyProtocolPeers.Senders)
            {
                foreach (var path in Enum.GetValues<TestPath>())
                {
                    foreach (var family in Enum.GetValues<TestFamily>())
                    {
                        all.Add(sender, path, family);
                    }
                }
            }

            return all;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task The_client_of_a_load_balancer_outside_the_mesh_is_the_source(string sender, TestPath path, TestFamily family)
    {
        var pod = mesh.Pod(path);
        var (source, balancer) = family == TestFamily.IPv4
            ? (ProxyProtocolFixture.Client4, ProxyProtocolFixture.Balancer4)
            : (ProxyProtocolFixture.Client6, ProxyProtocolFixture.Balancer6);
        var port = ProxyProtocolPeers.Port(sender, path == TestPath.Direct ? 0 : 1, family == TestFamily.IPv6);
        await using var server = PeerServer.Start(pod, MeshFixture.AddressOf(pod, family), EchoPeerAsync, ProxyProtocolFixture.Taking);
        using var client = await ProxyProtocolFixture.ConnectAsync(mesh.External, source, new IPEndPoint(balancer, port));

        Assert.Equal($"{client.LocalEndPoint} hello", await TalkAsync(client));

        var evaluator = path == TestPath.Direct ? mesh.Node1 : mesh.Node2;
        var flow = await evaluator.WaitForFlowAsync("the client's flow", f => f.Source.Port == ((IPEndPoint)client.LocalEndPoint!).Port && f.Source.Address.Span.SequenceEqual(source.GetAddressBytes()));
        Assert.Equal((FlowPath.Passthrough, ""), (flow.Path, flow.Source.Identity));
        Assert.Empty(server.Failures);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task The_client_of_a_load_balancer_in_the_mesh_is_the_source_and_the_balancers_identity_counts(string sender, TestPath path, TestFamily family)
    {
        var pod = mesh.Pod(path);
        var port = ProxyProtocolPeers.Port(sender, path == TestPath.Direct ? 0 : 1, family == TestFamily.IPv6);
        await using var server = PeerServer.Start(pod, MeshFixture.AddressOf(pod, family), EchoPeerAsync, ProxyProtocolFixture.Taking);
        using var client = await PeerServer.ConnectAsync(mesh.Client, new IPEndPoint(MeshFixture.AddressOf(mesh.Front, family), port));

        var said = await TalkAsync(client);

        Assert.EndsWith(" hello", said, StringComparison.Ordinal);
        Assert.Equal(MeshFixture.AddressOf(mesh.Client, family), IPEndPoint.Parse(said.Split(' ')[0]).Address);
        var evaluator = path == TestPath.Direct ? mesh.Node1 : mesh.Node2;
        var flow = await evaluator.WaitForFlowAsync("the flow", f => f.Source.Port == ((IPEndPoint)client.LocalEndPoint!).Port && f.Source.Identity == MeshObjects.Identity("front"));
        Assert.Equal(path == TestPath.Direct ? FlowPath.Proxy : FlowPath.Tunnel, flow.Path);
        Assert.Empty(server.Failures);
    }

    [Fact]
    public async Task Policy_evaluates_the_client_in_the_header()
    {
        await using var server = PeerServer.Start(mesh.Near, mesh.Near.Address4, EchoPeerAsync, ProxyProtocolFixture.Taking);
        using var client = await ProxyProtocolFixture.ConnectAsync(
            mesh.External, ProxyProtocolFixture.Banned4, new IPEndPoint(ProxyProtocolFixture.Balancer4, ProxyProtocolPeers.Port("haproxy-v2", 0, ipv6: false)));

        Assert.Equal("", await TalkAsync(client));

        var flow = await mesh.Node1.WaitForFlowAsync("the refusal", f => f.Verdict == Verdict.Deny && f.Source.Port == ((IPEndPoint)client.LocalEndPoint!).Port);
        Assert.Equal(ProxyProtocolFixture.Banned4.GetAddressBytes(), flow.Source.Address.ToByteArray());
        Assert.Equal("demo/banned", flow.Rule.Policy);
    }

    [Fact]
    public async Task A_header_is_passed_on_to_an_application_that_wants_one()
    {
        await using var server = PeerServer.Start(mesh.Near, mesh.Near.Address4, ProxyProtocolReceiverTests.SpeakFirstAsync, ProxyProtocolFixture.TakingAndAsking);
        using var client = await ProxyProtocolFixture.ConnectAsync(
            mesh.External, ProxyProtocolFixture.Balancer4, new IPEndPoint(mesh.Near.Address4, ProxyProtocolFixture.TakingAndAsking));
        await PeerServer.SendAllAsync(client, "PROXY TCP4 10.90.0.251 198.51.100.1 1234 443\r\n"u8.ToArray());

        Assert.Equal("10.90.0.251:1234||", Encoding.ASCII.GetString(await PeerServer.ReceiveAllAsync(client)));
    }

    /// <summary>Sends back what it gets with the peer's address in front.</summary>
    internal static async Task EchoPeerAsync(Socket socket)
    {
        await PeerServer.SendAllAsync(socket, Encoding.ASCII.GetBytes($"{socket.RemoteEndPoint} "));
        await PeerServer.EchoAsync(socket);
    }

    private static async Task<string> TalkAsync(Socket client)
    {
        try
        {
            await PeerServer.SendAllAsync(client, "hello"u8.ToArray());

            // Without an end of its own: load balancers take the client's for the end of both directions.
            var (said, buffer) = ("", new byte[256]);
            while (!said.EndsWith("hello", StringComparison.Ordinal))
            {
                var n = await client.ReceiveAsync(buffer).WaitAsync(Deadline);
                if (n == 0) break;
                said += Encoding.ASCII.GetString(buffer, 0, n);
            }

            return said;
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown)
        {
            return "";
        }
    }
}

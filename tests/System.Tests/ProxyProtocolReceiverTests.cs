using System.Net;
using System.Net.Sockets;
using System.Text;
using Culvert.Core;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>Applications that want a PROXY header: nginx, haproxy, and one that looks at every byte.</summary>
[Collection(ProxyProtocolCollection.Name)]
public sealed class ProxyProtocolReceiverTests(ProxyProtocolFixture mesh)
{
    public static TheoryData<int, TestPath, TestFamily> Receivers
    {
        get
        {
            var all = new TheoryData<int, TestPath, TestFamily>();
            foreach (var port in new[] { 80, 81, 82 })
            {
                foreach (var path in Enum.GetValues<TestPath>())
                {
                    foreach (var family in Enum.GetValues<TestFamily>())
                    {
                        all.Add(port, path, family);
                    }
                }
            }

            return all;
        }
    }

    [Theory]
    [MemberData(nameof(Receivers))]
    public async Task Real_receivers_understand_the_header_of_a_client_of_the_mesh(int port, TestPath path, TestFamily family)
    {
        var pod = mesh.Pod(path);
        foreach (var to in new[] { new IPEndPoint(ProxyProtocolFixture.Vip(pod, family, port), port), new IPEndPoint(MeshFixture.AddressOf(pod, family), port + 8000) })
        {
            using var client = await PeerServer.ConnectAsync(mesh.Client, to);
            var said = await AskAsync(client, port);
            Assert.Equal([$"{client.LocalEndPoint}", $"{to}"], Points(said));
            if (port == 81)
            {
                // The Service is known where it was asked for.
                Assert.Equal(to.Port == 81 ? $"{pod.Name}.{MeshObjects.Namespace}.svc" : "", said[4]);
                Assert.Equal(32, said[5].Length);
            }
        }
    }

    [Theory]
    [InlineData(80, TestFamily.IPv4)]
    [InlineData(80, TestFamily.IPv6)]
    [InlineData(81, TestFamily.IPv4)]
    [InlineData(81, TestFamily.IPv6)]
    public async Task Plaintext_from_outside_the_mesh_gets_a_header_too(int port, TestFamily family)
    {
        var to = new IPEndPoint(MeshFixture.AddressOf(mesh.Near, family), port + 8000);
        using var client = await ProxyProtocolFixture.ConnectAsync(mesh.External, family == TestFamily.IPv4 ? ProxyProtocolFixture.Client4 : ProxyProtocolFixture.Client6, to);
        var said = await AskAsync(client, port);
        Assert.Equal([$"{client.LocalEndPoint}", $"{to}"], Points(said));
        var flow = await mesh.Node1.WaitForFlowAsync("the flow", f => f.Source.Port == ((IPEndPoint)client.LocalEndPoint!).Port && f.Destination.Port == to.Port);
        Assert.Equal((Protocol.V1.FlowPath.Passthrough, "", false), (flow.Path, flow.Source.Identity, flow.AtSource));
    }

    [Theory]
    [ClassData(typeof(AllPaths))]
    public async Task The_header_comes_first_even_to_a_server_that_speaks_first(TestPath path, TestFamily family)
    {
        var pod = mesh.Pod(path);
        await using var server = PeerServer.Start(pod, MeshFixture.AddressOf(pod, family), SpeakFirstAsync, ProxyProtocolFixture.Asking);
        using var client = await PeerServer.ConnectAsync(mesh.Client, new IPEndPoint(ProxyProtocolFixture.Vip(pod, family, 90), 90));

        var said = Encoding.ASCII.GetString(await PeerServer.ReceiveAllAsync(client)).Split('|');

        Assert.Equal($"{client.LocalEndPoint}", said[0]);
        Assert.Equal(MeshObjects.Identity("client"), said[1]);
        Assert.Equal($"{pod.Name}.{MeshObjects.Namespace}.svc", said[2]);
        Assert.Empty(server.Failures);
    }

    [Fact]
    public async Task A_pod_that_reaches_itself_by_its_Service_is_named_in_its_own_header()
    {
        await using var server = PeerServer.Start(mesh.Near, mesh.Near.Address4, SpeakFirstAsync, ProxyProtocolFixture.Asking);
        using var client = await PeerServer.ConnectAsync(mesh.Near, new IPEndPoint(ProxyProtocolFixture.Vip(mesh.Near, TestFamily.IPv4, 90), 90));

        var said = Encoding.ASCII.GetString(await PeerServer.ReceiveAllAsync(client)).Split('|');

        Assert.Equal([$"{client.LocalEndPoint}", MeshObjects.Identity("near")], said[..2]);
    }

    [Theory]
    [ClassData(typeof(AllPaths))]
    public async Task A_port_that_did_not_ask_gets_no_header(TestPath path, TestFamily family)
    {
        var pod = mesh.Pod(path);
        await using var server = PeerServer.Start(pod, MeshFixture.AddressOf(pod, family), PeerServer.EchoAsync);
        using var client = await PeerServer.ConnectAsync(mesh.Client, server.EndPoint);
        await PeerServer.SendAllAsync(client, "hello"u8.ToArray());
        client.Shutdown(SocketShutdown.Send);
        Assert.Equal("hello", Encoding.ASCII.GetString(await PeerServer.ReceiveAllAsync(client)));
    }

    /// <summary>Reads the header, answers with what it says, ends.</summary>
    internal static async Task SpeakFirstAsync(Socket socket)
    {
        var start = await ReadAsync(socket, 16);
        byte[] all = [.. start, .. await ReadAsync(socket, (start[14] << 8) | start[15])];
        await PeerServer.SendAllAsync(socket, Encoding.ASCII.GetBytes(Describe(all)));
        socket.Shutdown(SocketShutdown.Send);
    }

    private static string Describe(byte[] data)
    {
        Assert.Equal(ProxyProtocolError.None, ProxyHeaderReader.Read(data, out var header));
        Assert.Equal(data.Length, header.Length);
        var source = new Interop.Sockets.SocketEndPoint(header.Source.High, header.Source.Low, header.Source.Port);
        return string.Join('|', $"{source}", Text(header, ProxyTlvType.SpiffeId), Text(header, ProxyTlvType.Authority));
    }

    private static string Text(ProxyHeader header, byte type) => header.TryGetTlv(type, out var value) ? Encoding.ASCII.GetString(value) : "";

    private static async Task<byte[]> ReadAsync(Socket socket, int count)
    {
        var buffer = new byte[count];
        for (var filled = 0; filled < count;)
        {
            var n = await socket.ReceiveAsync(buffer.AsMemory(filled));
            Assert.NotEqual(0, n);
            filled += n;
        }

        return buffer;
    }

    private static async Task<string[]> AskAsync(Socket client, int port)
    {
        if (port != 82)
        {
            await PeerServer.SendAllAsync(client, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"u8.ToArray());
        }

        var answer = Encoding.ASCII.GetString(await PeerServer.ReceiveAllAsync(client));
        return answer[(answer.LastIndexOf('\n') + 1)..].Split('|');
    }

    private static string[] Points(string[] said) =>
        [.. new[] { 0, 2 }.Select(i => $"{new IPEndPoint(IPAddress.Parse(said[i]), int.Parse(said[i + 1], System.Globalization.CultureInfo.InvariantCulture))}")];
}

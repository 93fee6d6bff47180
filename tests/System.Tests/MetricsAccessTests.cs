using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Culvert.Labs;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>Who gets an answer of an agent's own HTTP ports; those for readiness are where they are by default.</summary>
[Collection(MeshCollection.Name)]
[Trait("Category", "Attack")]
public sealed class MetricsAccessTests(MeshFixture mesh)
{
    private const int Readiness = 15021;
    private const int Metrics = 15020;

    [Fact]
    public async Task Pods_of_any_node_are_refused_and_other_nodes_are_not()
    {
        var node = mesh.Node1.Place;
        Assert.StartsWith("HTTP/1.1 200", await AskAsync(mesh.Node2.Place, node.Address4), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 200", await AskAsync(node, IPAddress.Loopback), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 200", await AskAsync(node, node.Address4), StringComparison.Ordinal);
        foreach (var pod in new[] { mesh.Client, mesh.Guest, mesh.Far })
        {
            Assert.Equal("", await AskAsync(pod, node.Address4));
        }
    }

    [Fact]
    public async Task A_pod_outside_of_the_mesh_is_refused_by_its_own_node()
    {
        var pod = await mesh.Mesh.Lab.AddPodAsync(mesh.Node1.Place, "stray");
        Assert.Equal("", await AskAsync(pod, mesh.Node1.Place.Address4));
    }

    [Fact]
    public async Task Nothing_listens_at_all_addresses()
    {
        var listening = await mesh.Node1.Place.RunAsync("ss", ["-Hltn"]);
        Assert.True(listening.Succeeded, listening.Error);
        Assert.DoesNotContain(listening.Output.Split('\n'), l => l.Contains("0.0.0.0:150", StringComparison.Ordinal) || l.Contains("*:150", StringComparison.Ordinal) || l.Contains("[::]:150", StringComparison.Ordinal));
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Metrics}"), listening.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Silent_external_connections_keep_no_probe_out()
    {
        var address = mesh.Node1.Place.Address4;
        var silent = new List<Socket>();
        try
        {
            for (var i = 0; i < 100; i++)
            {
                var socket = mesh.Node2.Place.CreateSocket(AddressFamily.InterNetwork);
                silent.Add(socket);
                await socket.ConnectAsync(address, Readiness);
            }

            Assert.StartsWith("HTTP/1.1 200", await AskAsync(mesh.Node2.Place, address), StringComparison.Ordinal);
            Assert.StartsWith("HTTP/1.1 200", await AskAsync(mesh.Node1.Place, IPAddress.Loopback), StringComparison.Ordinal);
            Assert.Equal(0, await ReceiveAsync(silent[0])); // it gave way
        }
        finally
        {
            silent.ForEach(s => s.Dispose());
        }
    }

    private static Task<string> AskAsync(LabNamespace from, IPAddress address) => AgentPorts.AskAsync(from, new IPEndPoint(address, Readiness), "/ready");

    private static async Task<int> ReceiveAsync(Socket socket)
    {
        try
        {
            return await socket.ReceiveAsync(new byte[1]).WaitAsync(TimeSpan.FromSeconds(10));
        }
        catch (SocketException)
        {
            return 0;
        }
    }
}

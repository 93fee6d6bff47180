using System.Net.Sockets;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests.Fixtures;

/// <summary>A mesh of a test's own, with an echo server on its second node and a connection to it from a pod of the first.</summary>
internal sealed class OpenConnectionMesh : IAsyncDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private OpenConnectionMesh(MeshLab lab, LabPod client, LabPod far, PeerServer server, Socket open) => (Lab, Client, Far, Server, Open) = (lab, client, far, server, open);

    public MeshLab Lab { get; }

    /// <summary>On the first node.</summary>
    public LabPod Client { get; }

    /// <summary>On the second.</summary>
    public LabPod Far { get; }

    /// <summary>At <see cref="Far"/>.</summary>
    public PeerServer Server { get; }

    /// <summary>The connection. Tests may end it.</summary>
    public Socket Open { get; }

    public static async Task<OpenConnectionMesh> StartAsync(MeshLabOptions options)
    {
        var lab = await MeshFixture.CreateAsync(options);
        var client = await lab.AddPodAsync(lab.Nodes[0], "client", "client");
        await lab.AddPodAsync(lab.Nodes[0], "guest", "guest");
        var far = await lab.AddPodAsync(lab.Nodes[1], "far", "web");
        await MeshFixture.StartAsync(lab);
        var server = PeerServer.Start(far, far.Address4, PeerServer.EchoAsync);
        var open = await PeerServer.ConnectAsync(client, server.EndPoint);
        await PeerServer.PingAsync(open, Deadline);
        return new(lab, client, far, server, open);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Open.Dispose();
        await Server.DisposeAsync();
        await Lab.DisposeAsync();
    }
}

using System.Net;
using System.Net.Sockets;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>
/// A Service with backends that are not in the mesh works wherever these are: whatever the way its backends are chosen, the kernel translates and forwards, so that an answer which no program of the mesh sees still
/// finds the client.
/// </summary>
[Collection(MeshCollection.Name)]
public class PlainBackendTests(MeshFixture mesh) : IAsyncLifetime
{
    private const string Vip4 = "10.98.7.1";
    private const string Vip6 = "fd98::701";
    private const int Port = 9417;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        mesh.Mesh.Objects.Remove("outside");
        mesh.Mesh.Objects.Remove("workload-outside");
        await mesh.Node1.WaitForServiceAsync("outside", present: false);
        await mesh.Node1.Place.RunAsync("nft", ["delete", "table", "inet", "cni"]);
    }

    public enum Place
    {
        PodOfThisNode,
        ThisNode,
        OtherNode,
        OtherNodeBehindMasquerade,
    }

    public static TheoryData<Place, TestFamily, string> Cases()
    {
        TheoryData<Place, TestFamily, string> cases = [];
        foreach (var place in Enum.GetValues<Place>())
        {
            foreach (var family in Enum.GetValues<TestFamily>())
            {
                cases.Add(place, family, "Random");
                cases.Add(place, family, "RoundRobin");
            }
        }
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_connection_by_a_service_to_a_plain_backend(Place place, TestFamily family, string mode)
    {
        LabNamespace backend = place switch { Place.PodOfThisNode => mesh.Plain, Place.ThisNode => mesh.Node1.Place, _ => mesh.Node2.Place };
        if (place == Place.OtherNodeBehindMasquerade)
        {
            // As a CNI does for what leaves the pods' networks.
            await mesh.Node1.Place.ScriptAsync($$"""
                nft -f - <<'RULES'
                table inet cni {
                    chain postrouting {
                        type nat hook postrouting priority srcnat
                        ip saddr {{mesh.Client.Address4}} ip daddr {{backend.Address4}} masquerade
                        ip6 saddr {{mesh.Client.Address6}} ip6 daddr {{backend.Address6}} masquerade
                    }
                }
                RULES
                """);
        }
        mesh.Mesh.Objects.Write("workload-outside", $"""
            apiVersion: culvert.dev/v1alpha1
            kind: Workload
            metadata:
              name: outside
              namespace: {MeshObjects.Namespace}
              labels:
                app: outside
            spec:
              node: node9
              serviceAccount: outside
              enrolled: false
              addresses:
                - {backend.Address4}
                - "{backend.Address6}"
            """);
        mesh.Mesh.Objects.Write("outside", MeshObjects.Service("outside", "outside", 80, Port, Vip4, Vip6, $"culvert.dev/tcp-load-balancing: {mode}"));
        await mesh.Node1.WaitForServiceAsync("outside");
        await using var server = PeerServer.Start(backend, MeshFixture.AddressOf(backend, family), PeerServer.EchoAsync, Port);

        IPEndPoint vip = new(IPAddress.Parse(family == TestFamily.IPv4 ? Vip4 : Vip6), 80);
        using Socket client = await PeerServer.ConnectAsync(mesh.Client, vip).WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Equal(vip, client.RemoteEndPoint);
        await PeerServer.SendAllAsync(client, new byte[100_000]);
        client.Shutdown(SocketShutdown.Send);
        Assert.Equal(100_000, (await PeerServer.ReceiveAllAsync(client)).Length);
        Assert.Empty(server.Failures);
    }
}

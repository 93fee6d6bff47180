using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

[Collection(MeshCollection.Name)]
public class RotationTests(MeshFixture mesh)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    [Fact]
    public async Task Certificates_that_last_seconds_rotate_without_a_failed_request_or_a_dropped_connection()
    {
        await using var server = PeerServer.Start(mesh.Far, mesh.Far.Address4, PeerServer.EchoAsync);
        using var longLived = await PeerServer.ConnectAsync(mesh.Client, server.EndPoint);
        var ends = new HashSet<DateTimeOffset>();
        mesh.Mesh.Objects.Write("mesh", MeshObjects.Mesh("10s"));
        try
        {
            await LabWait.UntilAsync(
                "four certificates have followed each other",
                async () =>
                {
                    await PeerServer.PingAsync(longLived, Limit);
                    using var fresh = await PeerServer.ConnectAsync(mesh.Client, server.EndPoint);
                    await PeerServer.PingAsync(fresh, Limit);
                    var status = await mesh.Node1.StatusAsync();
                    ends.Add(status.Workloads.Single(w => w.Uid.EndsWith("client", StringComparison.Ordinal)).CertificateNotAfter.ToDateTimeOffset());
                    return ends.Count >= 4;
                },
                TimeSpan.FromSeconds(60));
        }
        finally
        {
            mesh.Mesh.Objects.Write("mesh", MeshObjects.Mesh());
        }

        Assert.Empty(server.Failures);
    }
}

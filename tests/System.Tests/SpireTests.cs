using Culvert.Labs;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;
using Culvert.Tests.Shared.Spire;
using Grpc.Core;

namespace Culvert.SystemTests;

/// <summary>A mesh whose certificates a SPIRE server signs.</summary>
[Collection(MeshCollection.Name)]
public sealed class SpireTests
{
    private static readonly TimeSpan Answer = TimeSpan.FromSeconds(10);

    // With what a lifetime may vary by.
    private static readonly TimeSpan LongestLife = TimeSpan.FromSeconds(12);

    [Fact]
    public async Task The_servers_authority_is_replaced_and_the_server_is_away_without_a_failed_request()
    {
        await using var spire = await StandInSpire.StartAsync();
        await using var place = await RootLab.StartAsync(lifetime: "10s", "--spire-server", "unix://" + spire.ServerSocket);
        using var longLived = await PeerServer.ConnectAsync(place.Client, place.Server.EndPoint);
        await PeerServer.PingAsync(longLived, Answer);
        await using var requests = Requests.Start(place.Client, place.Server.EndPoint);

        spire.Prepare();
        await place.WaitForRootsAsync(place.Mesh.Nodes, RootsAsync);
        spire.Activate();

        // Until connections that were made by the certificates of before have given way, too.
        var activated = TimeProvider.System.GetUtcNow();
        await Task.WhenAll(place.Mesh.Nodes.Select(n => place.WaitForCertificateAsync(n, activated + (2 * LongestLife))));
        spire.Revoke();
        await place.WaitForRootsAsync(place.Mesh.Nodes, RootsAsync);
        await requests.MoreAsync(20);

        // Away for less than certificates live beyond the time of their renewal.
        spire.Fault = _ => new Status(StatusCode.Unavailable, "gone");
        await LabWait.UntilAsync("a certificate is asked for in vain", () => spire.Unsigned > 0, TimeSpan.FromSeconds(30));
        await requests.MoreAsync(20);
        spire.Fault = _ => null;
        var back = TimeProvider.System.GetUtcNow();
        await Task.WhenAll(place.Mesh.Nodes.Select(n => place.WaitForCertificateAsync(n, back + LongestLife)));

        await PeerServer.PingAsync(longLived, Answer);
        await requests.MoreAsync(20);
        await requests.StopAsync();
        Assert.Empty(requests.Failures);

        Task<IReadOnlyList<string>> RootsAsync() => Task.FromResult<IReadOnlyList<string>>([.. spire.Roots.Select(r => Convert.ToHexString(r.RawDataMemory.Span))]);
    }
}

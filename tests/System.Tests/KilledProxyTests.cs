using System.Net.Sockets;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>The proxy of an application that wants PROXY headers dies (kill -9): between nodes, see <see cref="LostPeerTests"/>.</summary>
[Collection(LinkAttackCollection.Name)]
[Trait("Category", "Attack")]
public sealed class KilledProxyTests(LinkAttackFixture mesh)
{
    [Theory]
    [InlineData(false, true, TestFamily.IPv4)]
    [InlineData(false, false, TestFamily.IPv4)]
    [InlineData(true, true, TestFamily.IPv4)]
    [InlineData(true, false, TestFamily.IPv4)]
    [InlineData(false, true, TestFamily.IPv6)]
    [InlineData(true, true, TestFamily.IPv6)]
    public async Task Its_death_is_a_reset_to_both_ends_and_no_end_of_the_stream(bool fromOutside, bool upload, TestFamily family)
    {
        // Of two changes an agent keeps the first before it takes the second: one that is killed between the kernel's change and its own note of it begins with the one before.
        await mesh.SettleAsync();
        var ends = await EndlessStream.KillAsync(
            mesh.Node1, fromOutside ? mesh.External : mesh.Client, mesh.Behind, MeshFixture.AddressOf(mesh.Behind, family), upload, LinkAttackFixture.Asking);
        Assert.Equal((SocketError.ConnectionReset, SocketError.ConnectionReset), ends);
    }
}

using System.Net;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>Metrics where an agent serves them by default: who gets them.</summary>
[Collection(MeshCollection.Name)]
[Trait("Category", "Attack")]
public sealed class MetricsAddressTests : IAsyncLifetime
{
    private const int Metrics = 15020;
    private const string Token = "a token of the test";

    private readonly List<string> _arguments = [];
    private MeshLab _mesh = null!;
    private LabPod _pod = null!;
    private LabPod _scraper = null!;
    private LabPod _far = null!;

    private MeshNode Node => _mesh.Nodes[0];

    public async ValueTask InitializeAsync()
    {
        _mesh = await MeshFixture.CreateAsync(new MeshLabOptions { NameMetrics = false, AgentArguments = _arguments });
        _pod = await _mesh.AddPodAsync(Node, "pod", "client");
        _scraper = await _mesh.AddPodAsync(Node, "scraper", "client");
        _far = await _mesh.AddPodAsync(_mesh.Nodes[1], "far", "web");
        var tokens = Path.Combine(Node.Place.Folder, "metrics-tokens");
        await File.WriteAllTextAsync(tokens, Token);
        _arguments.AddRange(["--metrics-allow", $"{_scraper.Address4}/32", "--metrics-allow", $"{_scraper.Address6}/128", "--metrics-token-file", tokens]);
        await MeshFixture.StartAsync(_mesh);
    }

    public async ValueTask DisposeAsync() => await _mesh.DisposeAsync();

    [Fact]
    public async Task Attack_pods_ask_for_metrics_at_every_address_of_the_node_and_get_nothing()
    {
        var addresses = new[] { Node.Place.Address4, Node.Place.Address6 };
        foreach (var pod in new LabNamespace[] { _pod, _far })
        {
            foreach (var address in addresses)
            {
                Assert.Equal("", await AskAsync(pod, address, Token));
            }
        }

        // Others do with the token: another node, this one, and a pod that is allowed.
        foreach (var asking in new LabNamespace[] { _mesh.Nodes[1].Place, Node.Place, _scraper })
        {
            Assert.StartsWith("HTTP/1.1 200", await AskAsync(asking, Node.Place.Address4, Token), StringComparison.Ordinal);
            Assert.StartsWith("HTTP/1.1 401", await AskAsync(asking, Node.Place.Address4, Token + "x"), StringComparison.Ordinal);
            Assert.StartsWith("HTTP/1.1 401", await AskAsync(asking, Node.Place.Address4, null), StringComparison.Ordinal);
        }

        Assert.StartsWith("HTTP/1.1 200", await AskAsync(Node.Place, IPAddress.Loopback, Token), StringComparison.Ordinal);
    }

    private static Task<string> AskAsync(LabNamespace from, IPAddress address, string? token) => AgentPorts.AskAsync(from, new IPEndPoint(address, Metrics), "/metrics", token);
}

using System.Globalization;

namespace Culvert.ClusterTests.Support;

/// <summary>A pod that asks a server for its page again and again, over a new connection each time.</summary>
internal sealed class Asking
{
    private readonly InstalledMesh _mesh;
    private readonly InstalledMesh.Pod _client;
    private readonly string _stop = $"/tmp/stop-{Guid.NewGuid():N}";
    private readonly Task<string> _result;

    public Asking(InstalledMesh mesh, InstalledMesh.Pod client, string address, int port = InstalledMesh.Port)
    {
        (_mesh, _client) = (mesh, client);
        _result = mesh.ScriptAsync(client, $$"""
            asked=0; failed=0
            while [ ! -e {{_stop}} ]; do
              asked=$((asked + 1))
              {{InstalledMesh.Request(address, port)}} | grep -q hello || failed=$((failed + 1))
            done
            echo "$asked $failed"
            """);
    }

    /// <summary>Has it stop.</summary>
    /// <returns>How often it asked, and how often no page came within 3 s.</returns>
    public async Task<(int Asked, int Failed)> EndAsync()
    {
        await _mesh.ScriptAsync(_client, $"touch {_stop}");
        int[] numbers = [.. (await _result).Split(' ').Select(n => int.Parse(n.Trim(), CultureInfo.InvariantCulture))];
        return (numbers[0], numbers[1]);
    }
}

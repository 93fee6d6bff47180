using System.Globalization;
using Culvert.Labs;

namespace Culvert.ClusterTests.Support;

/// <summary>A pod that asks a server for its page again and again, over a new connection each time. It goes on without the API server.</summary>
internal sealed class Asking
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private readonly InstalledMesh _mesh;
    private readonly InstalledMesh.Pod _client;
    private readonly string _stop, _result;

    private Asking(InstalledMesh mesh, InstalledMesh.Pod client)
    {
        string id = $"{Guid.NewGuid():N}";
        (_mesh, _client, _stop, _result) = (mesh, client, $"/tmp/stop-{id}", $"/tmp/asked-{id}");
    }

    /// <summary>Has a pod begin.</summary>
    public static async Task<Asking> BeginAsync(InstalledMesh mesh, InstalledMesh.Pod client, string address, int port = InstalledMesh.Port)
    {
        Asking asking = new(mesh, client);
        await mesh.ScriptAsync(client, $$"""
            (
              asked=0; failed=0
              while [ ! -e {{asking._stop}} ]; do
                asked=$((asked + 1))
                {{InstalledMesh.Request(address, port)}} | grep -q hello || failed=$((failed + 1))
              done
              echo "$asked $failed" > {{asking._result}}.new && mv {{asking._result}}.new {{asking._result}}
            ) > /dev/null 2>&1 &
            """);
        return asking;
    }

    /// <summary>Has it stop.</summary>
    /// <returns>How often it asked, and how often no page came within 3 s.</returns>
    public async Task<(int Asked, int Failed)> EndAsync()
    {
        await _mesh.ScriptAsync(_client, $"touch {_stop}");
        string result = "";
        await LabWait.UntilAsync("it has stopped asking", async () => (result = await _mesh.ScriptAsync(_client, $"cat {_result} 2> /dev/null || true")).Length > 0, Deadline);
        int[] numbers = [.. result.Split(' ').Select(n => int.Parse(n.Trim(), CultureInfo.InvariantCulture))];
        return (numbers[0], numbers[1]);
    }
}

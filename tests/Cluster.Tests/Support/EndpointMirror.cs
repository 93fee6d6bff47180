using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Culvert.ClusterTests.Support;

/// <summary>Writes an EndpointSlice (v1) for each Endpoints object of a cluster, as a controller manager from Kubernetes 1.21 on does, also after its API server was away.</summary>
internal sealed class EndpointMirror : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private readonly HttpClient _client;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;

    public EndpointMirror(HttpClient client)
    {
        _client = client;
        _running = Task.Run(RunAsync);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        try
        {
            await _running;
        }
        catch (OperationCanceledException)
        {
            // As asked.
        }

        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        while (true)
        {
            try
            {
                await WatchAsync();
            }
            catch (Exception e) when (e is HttpRequestException { HttpRequestError: not HttpRequestError.Unknown } or IOException)
            {
                // The server is away.
            }

            // It tells nobody when it is back.
            await Task.Delay(Pause, _stop.Token);
        }
    }

    // From no version on: all that there are come first. A watch ends after some minutes.
    private async Task WatchAsync()
    {
        using var response = await _client.GetAsync(new Uri("api/v1/endpoints?watch=1", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, _stop.Token);

        // A server that starts refuses everybody until it has read its roles.
        if (response.StatusCode is HttpStatusCode.Forbidden or >= HttpStatusCode.InternalServerError) return;
        response.EnsureSuccessStatusCode();
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(_stop.Token));
        while (await lines.ReadLineAsync(_stop.Token) is { } line) await MirrorAsync(JsonNode.Parse(line)!);
    }

    private async Task MirrorAsync(JsonNode change)
    {
        var endpoints = change["object"]!;
        string ns = endpoints["metadata"]!["namespace"]!.GetValue<string>(), name = endpoints["metadata"]!["name"]!.GetValue<string>();
        var path = new Uri($"apis/discovery.k8s.io/v1/namespaces/{ns}/endpointslices/{name}-mirrored?fieldManager=mirror&force=true", UriKind.Relative);
        if (change["type"]!.GetValue<string>() == "DELETED")
        {
            using var gone = await _client.DeleteAsync(path, _stop.Token);
            return;
        }

        var subset = (endpoints["subsets"] as JsonArray)?.FirstOrDefault();
        var slice = new JsonObject
        {
            ["apiVersion"] = "discovery.k8s.io/v1",
            ["kind"] = "EndpointSlice",
            ["metadata"] = new JsonObject { ["name"] = name + "-mirrored", ["namespace"] = ns, ["labels"] = new JsonObject { ["kubernetes.io/service-name"] = name } },
            ["addressType"] = "IPv4",
            ["ports"] = subset?["ports"]?.DeepClone() ?? new JsonArray(),
            ["endpoints"] = new JsonArray([.. Of("addresses", ready: true), .. Of("notReadyAddresses", ready: false)]),
        };
        using var content = new StringContent(slice.ToJsonString(), Encoding.UTF8, new MediaTypeHeaderValue("application/apply-patch+yaml"));
        using var answer = await _client.PatchAsync(path, content, _stop.Token);
        // A server that starts; the next watch tells of all once more.
        if (answer.StatusCode >= HttpStatusCode.InternalServerError) throw new IOException($"{path}: {answer.StatusCode}");

        // Its namespace may be going.
        if (!answer.IsSuccessStatusCode && answer.StatusCode is not (HttpStatusCode.NotFound or HttpStatusCode.Forbidden)) throw new HttpRequestException($"{path}: {await answer.Content.ReadAsStringAsync(_stop.Token)}");

        IEnumerable<JsonNode> Of(string field, bool ready) => (subset?[field] as JsonArray ?? []).Select(a => (JsonNode)new JsonObject
        {
            ["addresses"] = new JsonArray(a!["ip"]!.DeepClone()),
            ["conditions"] = new JsonObject { ["ready"] = ready, ["serving"] = ready, ["terminating"] = false },
            ["nodeName"] = a["nodeName"]?.DeepClone(),
            ["targetRef"] = a["targetRef"]?.DeepClone(),
        });
    }
}

using System.Text.Json;
using Culvert.Kubernetes.Configuration;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Transport;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Culvert.Kubernetes.Client;

/// <summary>The API of a cluster over HTTPS.</summary>
/// <remarks>Requests of one client wait for each other by its rate limit. What must not wait, such as renewing a lease, has a client of its own.</remarks>
public sealed class KubernetesClient : IKubernetesClient, IDisposable
{
    private readonly ApiTransport _transport;
    private readonly KubernetesClientOptions _options;
    private readonly KubernetesMetrics _metrics;
    private readonly TimeProvider _time;

    /// <param name="configuration">Where the API is, and who asks.</param>
    /// <param name="options">How it is treated.</param>
    /// <param name="metrics">Where it is counted; of the caller.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">For what nobody can be told.</param>
    public KubernetesClient(ClusterConfiguration configuration, KubernetesClientOptions options, KubernetesMetrics metrics, TimeProvider time, ILogger<KubernetesClient> logger)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(options);
        (_options, _metrics, _time) = (options, metrics, time);
        _transport = new(configuration, options, metrics, time, logger);
    }

    /// <inheritdoc/>
    public IResourceClient<T> Resource<T>(ResourceType<T> type)
        where T : class, IKubernetesObject<V1ObjectMeta> => new ResourceClient<T>(type, _transport, _options, _metrics, _time);

    /// <summary>Asks for the server's version.</summary>
    /// <exception cref="ApiException">It failed.</exception>
    public async Task<ServerVersion> ReadVersionAsync(CancellationToken cancellationToken)
    {
        var request = new ApiRequest("get", "version", async (client, token) => (await client.Version.GetCodeWithHttpMessagesAsync(null, token)).Response);
        ReadOnlyMemory<byte> answer = await _transport.SendAsync(request, cancellationToken);
        try
        {
            return JsonSerializer.Deserialize(answer.Span, ObjectJson.Of<ServerVersion>()) ?? throw new ApiException(ApiFailure.BadResponse, $"{request.What}: the answer is null");
        }
        catch (JsonException e)
        {
            throw new ApiException(ApiFailure.BadResponse, $"{request.What}: the answer can't be read: {e.Message}", e);
        }
    }

    /// <summary>Ends its connections as soon as nothing is read from them.</summary>
    public void Dispose() => _transport.Dispose();
}

using System.Text.Json;
using Culvert.Controller.Sources.Kubernetes;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Watches;
using k8s.Models;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Sharing;

/// <summary>
/// The Secret in which controllers of one mesh keep what all of them have to know. It is not this one's to make, so that the role names it. Watched from the start to the stop. Safe for any number of threads.
/// </summary>
/// <param name="client">Reads, writes and watches.</param>
/// <param name="name">The Secret.</param>
/// <param name="metrics">Where it is counted.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Where it is said what can't be done.</param>
internal sealed class StateSecret(IKubernetesClient client, ResourceName name, KubernetesMetrics metrics, TimeProvider time, ILogger logger) : IHostedService, IDisposable
{
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(2);
    private readonly CancellationTokenSource _stop = new();
    private Task _watching = Task.CompletedTask;

    /// <summary>Raised when somebody may have written, on any thread.</summary>
    public event Action? Changed;

    /// <summary>As in messages.</summary>
    public string Name => $"the Secret {name}";

    /// <summary>Begins to watch.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        ObjectWatch<V1Secret> watch = new(client.Resource(KnownResources.Secrets), name, _ => Changed?.Invoke(), metrics, time, logger);
        _watching = Task.Run(() => watch.RunAsync(_stop.Token), CancellationToken.None);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        await _watching;
    }

    public void Dispose() => _stop.Dispose();

    /// <summary>Waits until it can be read: at the start of a cluster a controller may come before the server, or its own role.</summary>
    /// <exception cref="OperationCanceledException">Before that.</exception>
    public async Task<V1Secret> WaitAsync(CancellationToken cancellationToken)
    {
        string? told = null;
        while (true)
        {
            try
            {
                return await ReadAsync(cancellationToken);
            }
            catch (IOException e)
            {
                if (told != e.Message) SharingLog.Waiting(logger, Name, Retry.TotalSeconds, e.Message);
                told = e.Message;
            }
            await Task.Delay(Retry, time, cancellationToken);
        }
    }

    /// <summary>Reads it as it is now.</summary>
    /// <exception cref="IOException">It can't be read.</exception>
    public async Task<V1Secret> ReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await client.Resource(KnownResources.Secrets).GetAsync(name, cancellationToken);
        }
        catch (ApiException e)
        {
            throw new IOException($"{Name} can't be read: {RoleRemedy.OfObject(e)}{e.Message}", e);
        }
    }

    /// <summary>Writes some of its keys; others stay.</summary>
    /// <param name="data">By key, what is to be there; null: nothing.</param>
    /// <param name="version">Only if it is of this version still; null: whatever it is.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>As it is then; null: it is of another version, and nothing was written.</returns>
    /// <exception cref="IOException">It can't be written.</exception>
    public async Task<V1Secret?> WriteAsync(IEnumerable<KeyValuePair<string, byte[]?>> data, string? version, CancellationToken cancellationToken)
    {
        try
        {
            return await client.Resource(KnownResources.Secrets).PatchAsync(name, Patch.Merge(Document(data, version)), new() { FieldManager = KubernetesStatus.FieldManager }, cancellationToken);
        }
        catch (ApiException e) when (e.Failure == ApiFailure.Conflict && version is not null)
        {
            return null;
        }
        catch (ApiException e)
        {
            throw new IOException($"{Name} can't be written: {RoleRemedy.OfObject(e)}{e.Message}", e);
        }
    }

    private static byte[] Document(IEnumerable<KeyValuePair<string, byte[]?>> data, string? version)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            writer.WriteStartObject();
            if (version is not null)
            {
                writer.WriteStartObject("metadata");
                writer.WriteString("resourceVersion", version);
                writer.WriteEndObject();
            }
            writer.WriteStartObject("data");
            foreach ((string key, byte[]? value) in data)
            {
                if (value is null) writer.WriteNull(key);
                else writer.WriteBase64String(key, value);
            }
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        return stream.ToArray();
    }
}

using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Transport;
using k8s;
using k8s.Models;

namespace Culvert.Kubernetes.Watches;

/// <summary>One watch: a request whose answer is a line for each event.</summary>
internal sealed class WatchStream<T>(
    ResourceType<T> type, ApiRequest request, WatchOptions watch, ApiTransport transport, KubernetesClientOptions options, KubernetesMetrics metrics, TimeProvider time)
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    // The server ends it after the time that it was told; one that is not there any more does not.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(30);

    public async IAsyncEnumerable<WatchEvent<T>> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(watch.Timeout + Grace, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        using ApiResponse response = await transport.OpenAsync(request, either.Token);
        await using Stream content = await response.Message.Content.ReadAsStreamAsync(either.Token);
        yield return new(WatchEventType.Opened, watch.ResourceVersion ?? "", null);
        await using var lines = new LineReader(content, options.MaxEventBytes);
        while (await NextAsync(lines, either.Token, cancellationToken) is { } line)
        {
            if (line.IsEmpty) continue;
            metrics.WatchEvent(type.FullName);
            if (Parse(line) is { } read) yield return read;
        }
    }

    private async ValueTask<ReadOnlySequence<byte>?> NextAsync(LineReader lines, CancellationToken either, CancellationToken cancellationToken)
    {
        try
        {
            return await lines.ReadAsync(either);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ApiException(ApiFailure.TimedOut, $"{request.What}: the server did not end the watch after {watch.Timeout.TotalSeconds:0} s", e);
        }
        catch (InvalidDataException e)
        {
            throw new ApiException(ApiFailure.BadResponse, $"{request.What}: {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            throw transport.Explain(request, e);
        }
    }

    /// <summary>Null for an event of a kind that is not known.</summary>
    private WatchEvent<T>? Parse(ReadOnlySequence<byte> line)
    {
        try
        {
            string? kind = null;
            bool hasObject = false;
            Utf8JsonReader reader = ResourceReader.Open(line), at = default;
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                bool isType = reader.ValueTextEquals("type"), isObject = reader.ValueTextEquals("object");
                reader.Read();
                if (isType) kind = reader.GetString();
                if (isObject)
                {
                    at = reader;
                    hasObject = true;
                }
                reader.Skip();
            }
            return hasObject ? Read(kind, ref at) : throw new JsonException("it has no object");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ApiException(ApiFailure.BadResponse, $"{request.What}: an event can't be read: {e.Message}", e);
        }
    }

    private WatchEvent<T>? Read(string? kind, ref Utf8JsonReader at)
    {
        switch (kind)
        {
            case "ADDED":
                return ReadChange(WatchEventType.Added, ref at);
            case "MODIFIED":
                return ReadChange(WatchEventType.Modified, ref at);
            case "DELETED":
                return ReadChange(WatchEventType.Deleted, ref at);
            case "BOOKMARK":
                V1ObjectMeta? mark = JsonSerializer.Deserialize(ref at, ObjectJson.Of<PartialObject>())?.Metadata;
                return new(WatchEventType.Bookmark, Version(mark), null);
            case "ERROR":
                throw StatusReader.Read(request.What, JsonSerializer.Deserialize(ref at, ObjectJson.Of<V1Status>()));
            default:
                return null;
        }
    }

    private WatchEvent<T> ReadChange(WatchEventType kind, ref Utf8JsonReader at)
    {
        (T? item, UnreadableObject? unreadable) = ResourceReader.ReadItem(ref at, type);
        return new(kind, Version(item?.Metadata ?? unreadable!.Metadata), item, unreadable);
    }

    private static string Version(V1ObjectMeta? metadata) => metadata?.ResourceVersion is { Length: > 0 } version ? version : throw new JsonException("it has no metadata.resourceVersion");
}

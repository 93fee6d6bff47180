using System.Buffers;
using System.Text.Json;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Resources;
using k8s;
using k8s.Models;

namespace Culvert.Kubernetes.Client;

/// <summary>Reads objects and lists of one kind. An object that its record does not fit takes no other down.</summary>
internal static class ResourceReader
{
    private static readonly JsonReaderOptions Options = new() { MaxDepth = ObjectJson.MaxDepth };

    /// <summary>Reads one object, of which there has to be a name where <paramref name="isNamed"/>.</summary>
    /// <exception cref="ApiException">It can't be read.</exception>
    public static T ReadObject<T>(string what, ResourceType<T> type, ReadOnlyMemory<byte> document, bool isNamed)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var reader = new Utf8JsonReader(document.Span, Options);
        try
        {
            T item = JsonSerializer.Deserialize(ref reader, type.Json) ?? throw new ApiException(ApiFailure.BadResponse, $"{what}: the answer is null");
            return !isNamed || item.Metadata?.Name is { Length: > 0 } ? item : throw new ApiException(ApiFailure.BadResponse, $"{what}: the answer has no metadata.name");
        }
        catch (JsonException e)
        {
            throw new ApiException(ApiFailure.BadResponse, $"{what}: the answer can't be read: {e.Message}", e);
        }
    }

    /// <summary>Reads a list, or a page of one.</summary>
    /// <exception cref="ApiException">It can't be read.</exception>
    public static ResourcePage<T> ReadPage<T>(string what, ResourceType<T> type, ReadOnlyMemory<byte> document)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var items = new List<T>();
        var unreadable = new List<UnreadableObject>();
        V1ListMeta? metadata = null;
        try
        {
            var reader = new Utf8JsonReader(document.Span, Options);
            Expect(ref reader, JsonTokenType.StartObject);
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                bool isMetadata = reader.ValueTextEquals("metadata"), isItems = reader.ValueTextEquals("items");
                reader.Read();
                if (isMetadata) metadata = JsonSerializer.Deserialize(ref reader, ObjectJson.Of<V1ListMeta>());
                else if (isItems && reader.TokenType == JsonTokenType.StartArray) ReadItems(ref reader, type, items, unreadable);
                else reader.Skip();
            }
        }
        catch (JsonException e)
        {
            throw new ApiException(ApiFailure.BadResponse, $"{what}: the answer can't be read: {e.Message}", e);
        }
        return new()
        {
            Items = items,
            Unreadable = unreadable,
            ResourceVersion = metadata?.ResourceVersion is { Length: > 0 } version ? version : throw new ApiException(ApiFailure.BadResponse, $"{what}: the answer has no metadata.resourceVersion"),
            Continue = string.IsNullOrEmpty(metadata.ContinueProperty) ? null : metadata.ContinueProperty,
            Remaining = metadata.RemainingItemCount,
        };
    }

    /// <summary>Reads an object where the reader stands, and leaves the reader at its end.</summary>
    /// <returns>Either the object or what is known of it.</returns>
    /// <exception cref="JsonException">It is not even known what object it is.</exception>
    public static (T? Item, UnreadableObject? Unreadable) ReadItem<T>(ref Utf8JsonReader reader, ResourceType<T> type)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        Utf8JsonReader start = reader;
        string reason;
        try
        {
            T? item = JsonSerializer.Deserialize(ref reader, type.Json);
            if (item?.Metadata?.Name is { Length: > 0 }) return (item, null);
            reason = "metadata.name is missing";
        }
        catch (JsonException e)
        {
            reason = e.Message;
        }
        reader = start;
        PartialObject? partial = JsonSerializer.Deserialize(ref reader, ObjectJson.Of<PartialObject>());
        return (null, new UnreadableObject(partial?.Metadata ?? new(), reason));
    }

    /// <summary>A reader for one line of a watch.</summary>
    public static Utf8JsonReader Open(ReadOnlySequence<byte> line) => new(line, Options);

    private static void ReadItems<T>(ref Utf8JsonReader reader, ResourceType<T> type, List<T> items, List<UnreadableObject> unreadable)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            (T? item, UnreadableObject? other) = ReadItem(ref reader, type);
            if (item is not null) items.Add(item);
            else if (other is not null) unreadable.Add(other);
        }
    }

    private static void Expect(ref Utf8JsonReader reader, JsonTokenType token)
    {
        if (!reader.Read() || reader.TokenType != token) throw new JsonException("an object was expected");
    }
}

using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Culvert.Controller.Documents;
using Culvert.Kubernetes.Resources;
using k8s.Models;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>Reads objects of any kind into the tree. Nothing is written with it: what is applied has records of its own.</summary>
internal sealed class ApiDocumentConverter : JsonConverter<ApiDocument>
{
    private const string Metadata = "metadata", Status = "status";

    // Of the metadata what may differ between two objects that are otherwise the same; the rest says when and by whom it was changed.
    private static readonly string[] Counting = ["name", "namespace", "uid", "labels", "annotations"];

    /// <exception cref="JsonException">It is no object, has no metadata, or is nested too deep.</exception>
    public override ApiDocument Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        using JsonDocument document = JsonDocument.ParseValue(ref reader);
        return Of(document.RootElement);
    }

    /// <summary>Reads an object that was parsed already.</summary>
    /// <exception cref="JsonException">It is no object, has no metadata, or is nested too deep.</exception>
    public static ApiDocument Of(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty(Metadata, out JsonElement metadata) || metadata.ValueKind != JsonValueKind.Object)
            throw new JsonException("an object with metadata was expected");
        V1ObjectMeta meta = metadata.Deserialize(KnownResources.Metadata)!;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> numbers = stackalloc byte[2 * sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(numbers, meta.Generation ?? 0);
        BinaryPrimitives.WriteInt64LittleEndian(numbers[sizeof(long)..], meta.Created?.UtcTicks ?? 0);
        hash.AppendData(numbers);
        List<MapNode.Entry> entries = [new(Metadata, 0, new MapNode(0, [.. metadata.EnumerateObject().Where(p => Counting.Contains(p.Name)).Select(Take)]))];
        entries.AddRange(root.EnumerateObject().Where(p => p.Name is not (Metadata or Status or "apiVersion" or "kind")).Select(Take));
        bool hasStatus = root.TryGetProperty(Status, out JsonElement status) && status.ValueKind == JsonValueKind.Object;
        return new(meta, new(0, entries), BinaryPrimitives.ReadUInt128LittleEndian(hash.GetHashAndReset()), hasStatus ? ReadConditions(status) : []) { Parents = hasStatus ? ParentEntry.Of(status) : [] };

        MapNode.Entry Take(JsonProperty property)
        {
            hash.AppendData(MemoryMarshal.AsBytes(property.Name.AsSpan()));
            hash.AppendData(JsonMarshal.GetRawUtf8Value(property.Value));
            return new(property.Name, 0, JsonTree.Of(property.Value));
        }
    }

    public override void Write(Utf8JsonWriter writer, ApiDocument value, JsonSerializerOptions options) => throw new NotSupportedException("objects of the API are read only");

    /// <summary>A status that can't be read is none: it is written anew, and takes no object down.</summary>
    private static IReadOnlyList<Condition> ReadConditions(JsonElement status)
    {
        if (!status.TryGetProperty("conditions", out JsonElement conditions)) return [];
        try
        {
            return conditions.Deserialize(ApiJson.Default.IReadOnlyListCondition) is { } read && read.All(c => c is not null) ? read : [];
        }
        catch (JsonException)
        {
            return [];
        }
    }
}

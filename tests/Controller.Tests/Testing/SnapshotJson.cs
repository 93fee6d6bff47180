using System.Net;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Culvert.Core;
using Culvert.Protocol;
using Google.Protobuf;

namespace Culvert.Controller.Tests;

/// <summary>Snapshots as JSON for people: the wire form with addresses as text.</summary>
internal static class SnapshotJson
{
    private static readonly JsonSerializerOptions Options = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Render(NodeSnapshot snapshot)
    {
        var resources = new JsonArray();
        foreach (var resource in snapshot.ToResources())
        {
            JsonNode node = JsonNode.Parse(JsonFormatter.Default.Format(resource))!;
            Readable(node);
            resources.Add(node);
        }
        return resources.ToJsonString(Options) + "\n";
    }

    private static void Readable(JsonNode? node)
    {
        if (node is JsonArray array)
        {
            foreach (JsonNode? item in array) Readable(item);
        }
        if (node is not JsonObject properties) return;
        foreach ((string name, JsonNode? value) in properties.ToArray())
        {
            if (name is "addresses" or "vips") properties[name] = new JsonArray([.. value!.AsArray().Select(v => JsonValue.Create(Text(v!)))]);
            else if (name == "address") properties[name] = Text(value!);
            else Readable(value);
        }
    }

    private static string Text(JsonNode value) => new IPAddress(Convert.FromBase64String(value.GetValue<string>())).ToString();
}

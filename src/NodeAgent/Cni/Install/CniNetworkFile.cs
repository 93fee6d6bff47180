using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Culvert.Cni;

namespace Culvert.NodeAgent.Cni.Install;

/// <summary>The text of a file with a network's configuration (CNI specification 1.1, section 1), with and without the plugin. What others have written in it stays, in its order and by its looks. Pure.</summary>
internal static class CniNetworkFile
{
    // As others name it that wrap a single plugin in a list.
    private const string DefaultName = "k8s-pod-network";
    private const string DefaultVersion = "0.3.1";
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 64 };

    /// <summary>A list with the plugin at its end, once; the same text where it is so already.</summary>
    /// <param name="text">The list.</param>
    /// <param name="entry">The plugin's entry.</param>
    /// <exception cref="FormatException">It is no list that the plugin can be in; the message names the field.</exception>
    internal static string WithPlugin(string text, JsonObject entry)
    {
        JsonObject list = Parse(text);
        RequireVersion(list);
        JsonArray plugins = Plugins(list);
        if (plugins.Count > 0 && JsonNode.DeepEquals(plugins[^1], entry) && plugins.Count(IsOwn) == 1) return text;
        RemoveOwn(plugins);
        if (plugins.Count == 0) throw new FormatException("plugins: has none that connects pods");
        plugins.Add(entry.DeepClone());
        return Write(list, text);
    }

    /// <summary>A list with the plugin at its end, made of the configuration of a single plugin.</summary>
    /// <exception cref="FormatException">As <see cref="WithPlugin"/>.</exception>
    internal static string Wrap(string text, JsonObject entry)
    {
        JsonObject plugin = Parse(text);
        if (TypeOf(plugin) is null) throw new FormatException("type: is missing");
        JsonObject list = new()
        {
            ["cniVersion"] = plugin.TryGetPropertyValue("cniVersion", out JsonNode? version) ? version?.DeepClone() : DefaultVersion,
            ["name"] = plugin.TryGetPropertyValue("name", out JsonNode? name) ? name?.DeepClone() : DefaultName,
        };
        RequireVersion(list);
        plugin.Remove("cniVersion");
        plugin.Remove("name");
        list["plugins"] = new JsonArray(plugin, entry.DeepClone());
        return Write(list, text);
    }

    /// <summary>A list without the plugin; null where it is not in it.</summary>
    /// <exception cref="FormatException">It is no list.</exception>
    internal static string? WithoutPlugin(string text)
    {
        JsonObject list = Parse(text);
        JsonArray plugins = Plugins(list);
        return RemoveOwn(plugins) ? Write(list, text) : null;
    }

    /// <summary>Whether a list is what <see cref="Wrap"/> makes of a single plugin, and nobody has written it anew since.</summary>
    /// <exception cref="FormatException">One of them is not what it should be.</exception>
    internal static bool IsWrapped(string list, string single) =>
        WithoutPlugin(list) is { } has && JsonNode.DeepEquals(Parse(has), Parse(WithoutPlugin(Wrap(single, new JsonObject { ["type"] = Culvert.Cni.CniConfiguration.PluginType }))!));

    /// <summary>Whether it is JSON to those who are less strict.</summary>
    internal static bool IsJson(string text)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static JsonObject Parse(string text)
    {
        try
        {
            JsonNode? parsed = JsonNode.Parse(text, documentOptions: Strict);
            if (CniText.CheckUnicode(Encoding.UTF8.GetBytes(text)) is { } wrong) throw new FormatException(wrong);
            return parsed as JsonObject ?? throw new FormatException("it is not a JSON object");
        }
        catch (JsonException e)
        {
            throw new FormatException($"it is not JSON: {e.Message}", e);
        }
    }

    private static void RequireVersion(JsonObject list)
    {
        string? version = list.TryGetPropertyValue("cniVersion", out JsonNode? node) ? TextOf(node) : null;
        if (!CniVersions.IsSupported(version)) throw new FormatException($"cniVersion: {version ?? "what is there"} is none of {string.Join(", ", CniVersions.Supported)}, which the plugin speaks");
    }

    private static JsonArray Plugins(JsonObject list) => list.TryGetPropertyValue("plugins", out JsonNode? node) && node is JsonArray plugins ? plugins : throw new FormatException("plugins: is not a list");

    private static bool RemoveOwn(JsonArray plugins)
    {
        bool removed = false;
        for (int i = plugins.Count - 1; i >= 0; i--)
        {
            if (!IsOwn(plugins[i])) continue;
            plugins.RemoveAt(i);
            removed = true;
        }
        return removed;
    }

    private static bool IsOwn(JsonNode? plugin) => plugin is JsonObject one && TypeOf(one) == Culvert.Cni.CniConfiguration.PluginType;

    private static string? TypeOf(JsonObject plugin) => plugin.TryGetPropertyValue("type", out JsonNode? type) ? TextOf(type) : null;

    private static string? TextOf(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) ? text : null;

    // As wide as what was there, or on one line.
    private static string Write(JsonObject list, string like)
    {
        int line = like.IndexOf('\n', StringComparison.Ordinal);
        string indent = line < 0 ? "" : new string([.. like[(line + 1)..].TakeWhile(c => c is ' ' or '\t')]);
        bool isIndented = line >= 0 && like.AsSpan().TrimEnd().Contains('\n');
        using MemoryStream bytes = new();
        using (Utf8JsonWriter writer = new(bytes, new JsonWriterOptions
        {
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            Indented = isIndented,
            IndentCharacter = indent.StartsWith('\t') ? '\t' : ' ',
            IndentSize = indent.Length is > 0 and <= 8 ? indent.Length : 2,
            NewLine = "\n",
        }))
        {
            list.WriteTo(writer);
        }
        return Encoding.UTF8.GetString(bytes.ToArray()) + (like.EndsWith('\n') ? "\n" : "");
    }
}

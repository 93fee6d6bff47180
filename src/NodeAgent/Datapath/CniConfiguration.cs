using System.Text.Json;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// Which CNI plugins connect the node's pods, as their configuration says (the CNI's specification 1.1, section 1): some decide about packets between pods of a node where neither the packet filter nor
/// programs at the pods' interfaces show it, as Antrea does in Open vSwitch. Thread-safe; reads files anew each time.
/// </summary>
internal sealed class CniConfiguration(string folder)
{
    /// <summary>The longest file that is read, in bytes; plugins' configurations have a few hundred.</summary>
    internal const long LongestFile = 1 << 20;

    private static readonly string[] Suffixes = [".conf", ".conflist", ".json"];

    // What they do between pods of a node is seen elsewhere, or they do nothing: connect by veths, and have rules, qdiscs and programs that are looked at.
    private static readonly string[] KnownPlugins =
        ["bandwidth", "bridge", "calico", "culvert-cni", "dhcp", "firewall", "flannel", "host-local", "istio-cni", "linkerd-cni", "loopback", "portmap", "ptp", "sbr", "static", "tuning", "vrf"];

    /// <summary>The files of a folder that runtimes read, in their order: the first that is in order counts, as kubelet has it.</summary>
    /// <exception cref="IOException">There is no such folder, or it can't be read.</exception>
    internal static IEnumerable<string> FilesOf(string folder) => Directory.EnumerateFiles(folder).Where(f => Suffixes.Contains(Path.GetExtension(f))).Order(StringComparer.Ordinal);

    /// <summary>What is not known as harmless in the configuration that counts, the first file by name as kubelet has it; and what can't be read of it. Empty where there is none.</summary>
    internal IReadOnlyList<string> Reasons()
    {
        string? file = null;
        try
        {
            file = FilesOf(folder).FirstOrDefault();
            if (file is null) return [];
            if (new FileInfo(file).Length > LongestFile) return [$"{file} is longer than {LongestFile} bytes"];
            using var configuration = JsonDocument.Parse(File.ReadAllBytes(file));
            return [.. TypesOf(configuration.RootElement).Where(t => !KnownPlugins.Contains(t)).Distinct().Select(t => $"what the CNI plugin {t} of {file} does between pods is not known")];
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException)
        {
            return [$"{file ?? folder} can't be read: {e.Message}"];
        }
    }

    // A list of plugins, or one of them.
    private static IEnumerable<string> TypesOf(JsonElement configuration) => configuration.ValueKind == JsonValueKind.Object && configuration.TryGetProperty("plugins", out JsonElement plugins)
        ? [.. plugins.EnumerateArray().SelectMany(TypesOfPlugin)]
        : [.. TypesOfPlugin(configuration)];

    // Its own, and that of the plugin it has do the work, as flannel's does.
    private static IEnumerable<string> TypesOfPlugin(JsonElement plugin)
    {
        if (plugin.ValueKind != JsonValueKind.Object || !plugin.TryGetProperty("type", out JsonElement type) || type.GetString() is not { Length: > 0 } name) throw new JsonException("a plugin has no type");
        yield return name;
        if (plugin.TryGetProperty("delegate", out JsonElement other) && other.ValueKind == JsonValueKind.Object && other.TryGetProperty("type", out JsonElement used)) yield return used.GetString() ?? "null";
    }
}

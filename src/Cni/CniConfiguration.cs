using System.Text.Json;

namespace Culvert.Cni;

/// <summary>
/// What the runtime tells a plugin on standard input: its entry of the network's configuration, with what the plugins before have made (CNI specification 1.1, section 2). Keys of this plugin are read strictly, those of the
/// specification as far as they are of use, and others are passed over, as it has them. Immutable.
/// </summary>
public sealed class CniConfiguration
{
    /// <summary>The longest input in bytes: with a list of all containers of a node.</summary>
    public const int LongestInput = 1 << 20;

    /// <summary>The plugin's name, <c>type</c> of its entry.</summary>
    public const string PluginType = "culvert-cni";

    /// <summary>The key with the path of the agent's socket.</summary>
    public const string SocketKey = "agentSocket";

    /// <summary>The key with the seconds that a call may take.</summary>
    public const string TimeoutKey = "timeoutSeconds";

    /// <summary>Where the agent's socket is by default.</summary>
    public const string DefaultSocket = "/run/culvert/cni.sock";

    /// <summary>How long a call may take by default.</summary>
    public static TimeSpan DefaultTimeout { get; } = TimeSpan.FromSeconds(30);

    private const string ValidKey = "cni.dev/valid-attachments";
    private const int LongestSocketPath = 107; // sun_path of sys/un.h, without the final zero

    private CniConfiguration()
    {
    }

    /// <summary>The version that is spoken; for <see cref="CniCommand.Version"/> any.</summary>
    public required string Version { get; init; }

    /// <summary>Path of the agent's socket.</summary>
    public string Socket { get; private init; } = DefaultSocket;

    /// <summary>How long a call may take, 1 s to <see cref="CniRequest.LongestWait"/>.</summary>
    public TimeSpan Timeout { get; private init; } = DefaultTimeout;

    /// <summary>What the plugins before have made; null where nothing is told.</summary>
    public CniResult? Previous { get; private init; }

    /// <summary>Of <see cref="CniCommand.Gc"/>: what is still there.</summary>
    public IReadOnlyList<CniAttachmentName> Valid { get; private init; } = [];

    /// <summary>Reads it, of bytes that anybody may have written.</summary>
    /// <exception cref="CniException">Something is wrong with it; the message names the field.</exception>
    public static CniConfiguration Parse(ReadOnlyMemory<byte> json, CniCommand command) => Read(CniInput.Parse(json), command);

    /// <summary>Reads it.</summary>
    /// <param name="input">What the runtime has given.</param>
    /// <param name="command">What it is for.</param>
    /// <exception cref="CniException">Something is wrong with it; the message names the field.</exception>
    public static CniConfiguration Read(CniInput input, CniCommand command)
    {
        ArgumentNullException.ThrowIfNull(input);
        (JsonElement root, string version) = (input.Root, input.Version);
        if (command == CniCommand.Version) return new CniConfiguration { Version = version };
        if (!input.IsSpoken) throw new CniException(CniErrorCode.IncompatibleVersion, $"cniVersion: {CniFields.Shorten(version)} is none of {string.Join(", ", CniVersions.Supported)}");
        if (!CniVersions.IsAtLeast(version, CniVersions.Since(command))) throw new CniException(CniErrorCode.IncompatibleVersion, $"cniVersion: {version} has no {command.ToString().ToUpperInvariant()}, which came with {CniVersions.Since(command)}");
        CniResult? previous = root.TryGetProperty("prevResult", out JsonElement told) && told.ValueKind != JsonValueKind.Null ? ReadPrevious(told, version, command) : null;
        if (previous is null && command is (CniCommand.Add or CniCommand.Check))
            throw CniFields.Wrong("prevResult", $"is missing: {PluginType} has to come after the plugin that connects pods, in a list of plugins (.conflist)");
        return new CniConfiguration
        {
            Version = version,
            Socket = ReadSocket(root),
            Timeout = ReadTimeout(root),
            Previous = previous,
            Valid = command == CniCommand.Gc ? ReadValid(root) : [],
        };
    }

    // What it takes to leave must never stand in the way of leaving.
    private static CniResult? ReadPrevious(JsonElement told, string version, CniCommand command)
    {
        if (command is CniCommand.Del or CniCommand.Gc or CniCommand.Status) return null;
        return CniResult.Read(told, version);
    }

    private static string ReadSocket(JsonElement root)
    {
        string? path = CniFields.Text(root, SocketKey);
        if (path is null) return DefaultSocket;
        if (CniText.CheckPath(path) is { } wrong) throw CniFields.Wrong(SocketKey, wrong);
        return System.Text.Encoding.UTF8.GetByteCount(path) <= LongestSocketPath ? path : throw CniFields.Wrong(SocketKey, $"has more than {LongestSocketPath} bytes");
    }

    private static TimeSpan ReadTimeout(JsonElement root)
    {
        if (!root.TryGetProperty(TimeoutKey, out JsonElement told)) return DefaultTimeout;
        double most = CniRequest.LongestWait.TotalSeconds;
        return told.ValueKind == JsonValueKind.Number && told.TryGetDouble(out double seconds) && seconds >= 1 && seconds <= most
            ? TimeSpan.FromSeconds(seconds)
            : throw CniFields.Wrong(TimeoutKey, FormattableString.Invariant($"is not a number from 1 to {most}"));
    }

    private static List<CniAttachmentName> ReadValid(JsonElement root)
    {
        // Without the list nothing is known of what is still there: nothing may be forgotten.
        if (!root.TryGetProperty(ValidKey, out JsonElement told)) throw CniFields.Wrong(ValidKey, "is missing");
        if (told.ValueKind == JsonValueKind.Null) return [];
        if (told.ValueKind != JsonValueKind.Array) throw CniFields.Wrong(ValidKey, "is not a list");
        List<CniAttachmentName> valid = [];
        foreach (JsonElement one in told.EnumerateArray())
        {
            if (one.ValueKind != JsonValueKind.Object) throw CniFields.Wrong(ValidKey, "has something that is not an object");
            string id = CniFields.Text(one, "containerID", $"{ValidKey}.") ?? throw CniFields.Wrong($"{ValidKey}.containerID", "is missing");
            string name = CniFields.Text(one, "ifname", $"{ValidKey}.") ?? throw CniFields.Wrong($"{ValidKey}.ifname", "is missing");
            if (CniText.CheckContainerId(id) is { } wrongId) throw CniFields.Wrong($"{ValidKey}.containerID", wrongId);
            if (CniText.CheckInterface(name) is { } wrongName) throw CniFields.Wrong($"{ValidKey}.ifname", wrongName);
            valid.Add(new CniAttachmentName(id, name));
        }
        return valid;
    }
}

using System.Text.Json;

namespace Culvert.Cni;

/// <summary>The JSON object that a runtime gives a plugin on standard input, with the version that it is written in: known before the rest is read, as also errors are told in it. Immutable.</summary>
public sealed class CniInput
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 64 };

    private CniInput(JsonElement root, string version) => (Root, Version) = (root, version);

    /// <summary>Its <c>cniVersion</c>, whatever that is.</summary>
    public string Version { get; }

    /// <summary>Whether that is one that is spoken here.</summary>
    public bool IsSpoken => CniVersions.IsSupported(Version);

    internal JsonElement Root { get; }

    /// <summary>Reads it, of bytes that anybody may have written.</summary>
    /// <param name="json">The bytes, <see cref="CniConfiguration.LongestInput"/> at most.</param>
    /// <exception cref="CniException">It is no JSON object with a version.</exception>
    public static CniInput Parse(ReadOnlyMemory<byte> json)
    {
        if (json.Length > CniConfiguration.LongestInput) throw new CniException(CniErrorCode.DecodingFailure, $"standard input: has more than {CniConfiguration.LongestInput} bytes");
        JsonElement root;
        try
        {
            using var document = JsonDocument.Parse(json, Strict);
            root = document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw new CniException(CniErrorCode.DecodingFailure, "standard input: is not the JSON of a network configuration", e.Message);
        }
        if (CniText.CheckUnicode(json.Span) is { } wrong) throw new CniException(CniErrorCode.DecodingFailure, $"standard input: {wrong}");
        if (root.ValueKind != JsonValueKind.Object) throw new CniException(CniErrorCode.DecodingFailure, "standard input: is not a JSON object");
        return new(root, CniFields.Text(root, "cniVersion") ?? throw CniFields.Wrong("cniVersion", "is missing"));
    }
}

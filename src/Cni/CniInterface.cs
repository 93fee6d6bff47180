using System.Text.Json.Serialization;

namespace Culvert.Cni;

/// <summary>An interface that the plugins before have made (CNI specification 1.1, section 5).</summary>
public sealed record CniInterface
{
    /// <summary>Its name.</summary>
    [JsonPropertyName("name")]
    public required string Name { get; init; }

    /// <summary>Its Ethernet address, as <c>aa:bb:cc:dd:ee:ff</c>; null: not told.</summary>
    [JsonPropertyName("mac")]
    public string? Mac { get; init; }

    /// <summary>Path of the network namespace that it is in; null: it is the node's.</summary>
    [JsonPropertyName("sandbox")]
    public string? Sandbox { get; init; }
}

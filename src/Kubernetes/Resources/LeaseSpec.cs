using System.Text.Json;
using System.Text.Json.Serialization;

namespace Culvert.Kubernetes.Resources;

/// <summary>What a lease says. Fields that later versions add are kept as they are.</summary>
public sealed record LeaseSpec
{
    /// <summary>Who holds it; empty or null: nobody.</summary>
    public string? HolderIdentity { get; init; }

    /// <summary>How long after it was last seen to change others have to wait.</summary>
    public int? LeaseDurationSeconds { get; init; }

    /// <summary>When the holder got it, by the holder's clock.</summary>
    [JsonConverter(typeof(MicroTimeConverter))]
    public DateTimeOffset? AcquireTime { get; init; }

    /// <summary>When the holder renewed it last, by the holder's clock.</summary>
    [JsonConverter(typeof(MicroTimeConverter))]
    public DateTimeOffset? RenewTime { get; init; }

    /// <summary>How often it changed hands.</summary>
    public int? LeaseTransitions { get; init; }

    /// <summary>Fields that are not known here.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Others { get; set; }
}

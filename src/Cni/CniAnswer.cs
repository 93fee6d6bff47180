using System.Text.Json.Serialization;

namespace Culvert.Cni;

/// <summary>What the agent answers to a <see cref="CniRequest"/>.</summary>
public sealed record CniAnswer
{
    /// <summary>Nothing stands in the way.</summary>
    public static CniAnswer Ok { get; } = new();

    /// <summary>0, or what went wrong.</summary>
    [JsonPropertyName("code")]
    public CniErrorCode Code { get; init; }

    /// <summary>One line for people; empty when all is well.</summary>
    [JsonPropertyName("msg")]
    public string Message { get; init => field = value ?? ""; } = "";

    /// <summary>What can be done about it; may be empty.</summary>
    [JsonPropertyName("details")]
    public string Details { get; init => field = value ?? ""; } = "";
}

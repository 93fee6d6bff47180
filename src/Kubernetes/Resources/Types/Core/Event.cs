using System.Text.Json.Serialization;

namespace Culvert.Kubernetes.Resources;

/// <summary>Something that happened to an object, for people.</summary>
public sealed record Event : IKubernetesObject
{
    /// <inheritdoc/>
    public string? ApiVersion { get; init; } = "v1";

    /// <inheritdoc/>
    public string? Kind { get; init; } = "Event";

    /// <inheritdoc/>
    public ObjectMeta Metadata { get; init => field = value ?? new(); } = new();

    /// <summary>What it happened to.</summary>
    public ObjectReference InvolvedObject { get; init => field = value ?? new(); } = new();

    /// <summary>What, in a word.</summary>
    public string Reason { get; init => field = value ?? ""; } = "";

    /// <summary>What.</summary>
    public string Message { get; init => field = value ?? ""; } = "";

    /// <summary>Normal or Warning.</summary>
    public string Type { get; init => field = value ?? "Normal"; } = "Normal";

    /// <summary>What was done about it.</summary>
    public string? Action { get; init; }

    /// <summary>How often.</summary>
    public int Count { get; init; }

    /// <summary>When first; without parts of a second.</summary>
    [JsonConverter(typeof(WholeSecondsConverter))]
    public DateTimeOffset? FirstTimestamp { get; init; }

    /// <summary>When last; without parts of a second.</summary>
    [JsonConverter(typeof(WholeSecondsConverter))]
    public DateTimeOffset? LastTimestamp { get; init; }

    /// <summary>Who says so, e.g. <c>culvert.dev/controller</c>.</summary>
    public string? ReportingComponent { get; init; }

    /// <summary>Which of them.</summary>
    public string? ReportingInstance { get; init; }
}

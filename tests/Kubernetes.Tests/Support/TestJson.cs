using System.Text.Json.Serialization;
using Culvert.Kubernetes.Resources;
using k8s;
using k8s.Models;

namespace Culvert.Kubernetes.Tests.Support;

/// <summary>How a custom object of the tests is read, as a user of the library would say it.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Widget))]
[JsonSerializable(typeof(string))]
internal sealed partial class TestJson : JsonSerializerContext;

/// <summary>A custom object.</summary>
internal sealed record Widget : IKubernetesObject<V1ObjectMeta>
{
    internal static readonly ResourceType<Widget> Type = new("test.culvert.dev", "v1", "widgets", "Widget", TestJson.Default.Widget);

    public string? ApiVersion { get; set; } = "test.culvert.dev/v1";

    public string? Kind { get; set; } = "Widget";

    public V1ObjectMeta Metadata { get; set => field = value ?? new(); } = new();

    public required WidgetSpec Spec { get; init; }

    public WidgetStatus? Status { get; init; }
}

/// <summary>What it is to be.</summary>
internal sealed record WidgetSpec
{
    public required int Size { get; init; }
}

/// <summary>What has become of it.</summary>
internal sealed record WidgetStatus
{
    public long? ObservedGeneration { get; init; }
}

using System.Text.Json.Serialization;
using Culvert.Kubernetes.Client;

namespace Culvert.Kubernetes.Resources;

/// <summary>How the types of this project are read and written; generated at compile time. The package generates the same for its models.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Lease))]
[JsonSerializable(typeof(PartialObject))]
[JsonSerializable(typeof(ServerVersion))]
internal sealed partial class KubernetesJson : JsonSerializerContext;

using System.Text.Json.Serialization;
using Culvert.Kubernetes.Resources;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>How objects are read and statuses are written; generated at compile time.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ApiDocument))]
[JsonSerializable(typeof(IReadOnlyList<Condition>))]
[JsonSerializable(typeof(StatusDocument))]
[JsonSerializable(typeof(ConfigMapPatch))]
[JsonSerializable(typeof(ParentStatus))]
internal sealed partial class ApiJson : JsonSerializerContext;

using System.Text.Json.Serialization;

namespace Culvert.Kubernetes.Authentication;

/// <summary>How an ExecCredential is read and written.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ExecCredentialDocument))]
internal sealed partial class ExecCredentialJson : JsonSerializerContext;

using System.Text.Json.Serialization;

namespace Culvert.Controller.Identity.Upstream.CertManager;

/// <summary>JSON of what cert-manager is asked, without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(CertificateRequestObject))]
internal sealed partial class CertManagerJson : JsonSerializerContext;
